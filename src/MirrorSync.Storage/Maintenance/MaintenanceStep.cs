namespace MirrorSync.Storage.Maintenance;

/// <summary>The steps at which maintenance can be interrupted: named for tests, which fail each of them.</summary>
public enum MaintenanceStep
{
    /// <summary>A temporary file is about to be made for a pack.</summary>
    CreatePack = 0,

    /// <summary>The pack is written and about to be read again.</summary>
    Verify,

    /// <summary>Its objects are about to be compared with those of the packs that it replaces.</summary>
    Compare,

    /// <summary>It is about to be synced.</summary>
    SyncPack,

    /// <summary>The pack is about to get its name.</summary>
    RenamePack,

    /// <summary>The reverse index is about to get its name.</summary>
    RenameReverseIndex,

    /// <summary>The index is about to get its name: from then on the pack is one.</summary>
    RenameIndex,

    /// <summary>The names are about to be synced.</summary>
    SyncFolder,

    /// <summary>The multi-pack-index is about to be written.</summary>
    WriteMultiPackIndex,

    /// <summary>One file of a replaced pack is about to be deleted.</summary>
    DeleteFile,

    /// <summary>The commit-graph is about to be written.</summary>
    WriteCommitGraph,

    /// <summary>A primary's refs are about to be packed.</summary>
    PackRefs,
}
