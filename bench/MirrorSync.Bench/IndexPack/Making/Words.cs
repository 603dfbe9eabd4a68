namespace MirrorSync.Bench.IndexPack.Making;

/// <summary>The words that made-up sources, messages and names are built from.</summary>
internal static class Words
{
    /// <summary>Parts of identifiers.</summary>
    public static string[] Code { get; } = Split("""
        page inode queue flush retry node cpu irq lock sched buffer device bus clock reset power state table entry slot ring
        desc dma map unmap alloc free init exit probe remove suspend resume enable disable start stop read write open close
        poll wait wake event timer work task thread signal frame packet header payload offset length size count index limit
        mask shift flag mode type level depth width height rate speed phase delay timeout period budget weight priority
        parent child peer owner group domain zone region block sector segment extent bitmap cache slab pool heap stack list
        hash tree leaf root path name label token key value hint stat info data ctx priv ops conf param attr prop cap feature
        version revision id tag port lane link channel stream pipe socket sock conn session route addr mac vlan skb rx tx
        stats error fault warn trace debug log report notify handler callback hook filter rule policy quota credit window
        burst chunk batch vector array matrix cell plane layer crtc encoder connector panel bridge codec mixer pcm dai
        regulator voltage current temp sensor gain scale bias trim fuse efuse nvmem gpio pin mux pad pinctrl syscon regmap
        firmware mailbox doorbell remote host guest vcpu vm mmu tlb pte pmd pgd asid context segment barrier fence sync
        commit abort rollback journal replay snapshot super dentry mount xattr acl cred user mode super uid gid quota
        crypto cipher digest hmac nonce salt cert sign verify random seed entropy
        """);

    /// <summary>What functions do.</summary>
    public static string[] Verbs { get; } = Split("""
        get put set clear add del find lookup insert update init setup release attach detach bind unbind register unregister
        prepare commit enable disable start stop check validate parse build fill drain flush sync send recv submit complete
        cancel handle process dispatch configure reset restore save load store
        """);

    /// <summary>Words of comments, strings and messages.</summary>
    public static string[] Prose { get; } = Split("""
        the a to of is in for and this that it be not if when we with on are from as by can has only an will but so must
        before after because while during until without already always never still first last next current previous caller
        hardware driver device function value pointer memory buffer register interrupt lock thread queue request response
        error case path user kernel space page table list entry number bit byte field flag mode state support feature check
        return set clear call use need make take give hold drop free allocate read write wait start stop enable disable fix
        avoid ensure allow handle ignore remove add move split merge convert rename replace update initialize register
        possible available required valid invalid missing wrong correct same different new old single multiple whole empty
        full large small early late fast slow race deadlock leak overflow underflow reference count timeout failure success
        instead otherwise however therefore also just even then now here there which what where whether both each every any
        some all no other another such since again may might should could would does did had been being were was
        firmware controller channel packet descriptor transfer endpoint address offset length size limit alignment boundary
        version specification datasheet documentation board platform vendor variant revision errata workaround quirk
        """);

    /// <summary>Types that any file uses.</summary>
    public static string[] Types { get; } = Split("int u32 u8 u16 u64 bool size_t unsigned long void s32 dma_addr_t __le32 __be32 char gfp_t");

    /// <summary>The folders at the top, the largest first.</summary>
    public static string[] Tops { get; } = Split("""
        drivers arch fs include net sound tools kernel mm lib security crypto block virt scripts samples init ipc rust
        certs usr io_uring Documentation LICENSES
        """);

    /// <summary>Syllables of chips, places and people.</summary>
    public static string[] Syllables { get; } = Split("""
        ta ri mo ne ka lu se vo di ber ran tel mar son ek is ul an or in pa gu che wi ya zo ni ha ro ley ton ba mi do fer qua
        sta li no ve ren co
        """);

    private static string[] Split(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    /// <summary>A made-up name of some syllables, in small letters.</summary>
    public static string Name(Dice dice, int least, int most) =>
        string.Concat(Enumerable.Range(0, dice.Between(least, most)).Select(_ => dice.Of(Syllables)));
}
