namespace MirrorSync.Replication.Wire;

/// <summary>What a frame of the replication stream carries. On the wire: append only.</summary>
public enum FrameKind : byte
{
    /// <summary>Mirror to primary, first: who asks, and from which position on. <see cref="Hello"/> as JSON.</summary>
    Hello = 1,

    /// <summary>Primary to mirror, first: the stream goes on. <see cref="Welcome"/> as JSON.</summary>
    Welcome = 2,

    /// <summary>Primary to mirror, first and last: why there is no stream. <see cref="Refusal"/> as JSON.</summary>
    Refused = 3,

    /// <summary>Primary to mirror: one record, its bytes as in the log. It need not be committed yet.</summary>
    Record = 4,

    /// <summary>Primary to mirror: every record up to this sequence (u64) is durable on the primary.</summary>
    CommitMark = 5,

    /// <summary>Mirror to primary: "how far are you?", with the mirror's own timestamp (i64), which comes back.</summary>
    Ask = 6,

    /// <summary>Primary to mirror: how far it is, how fresh, and what it holds. <see cref="AnswerFrame"/>.</summary>
    Answer = 7,

    /// <summary>Mirror to primary: every record up to this sequence (u64) is durable on the mirror, its body too.</summary>
    Durable = 8,

    /// <summary>Mirror to primary: a repository is applied up to a sequence. <see cref="AppliedFrame"/>.</summary>
    Applied = 9,
}
