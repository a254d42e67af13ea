internal import PlaneLink

/// Every number that bounds the control plane: what it keeps, for how long, and how often it speaks.
package enum ControlLimit {
    /// Data planes that may be connected at once, hellos not yet said included.
    package static let dataPlanesMax = 16
    /// From a connection to its hello, and from the hello to the end of the inventory.
    package static let helloMilliseconds: UInt64 = 2_000
    package static let inventoryMilliseconds: UInt64 = 10_000
    /// How often a data plane is asked whether it lives, and after which silence it counts as frozen.
    package static let pingMilliseconds: UInt64 = 1_000
    package static let frozenMilliseconds: UInt64 = 3_000
    /// How long the routes of a tunnel without connectors stay, so that its visitors are told "offline" and not
    /// "unknown".
    package static let offlineGraceMilliseconds: UInt64 = 60_000
    /// How long the hosts of a tunnel stay its own when its last connector was lost together with its data plane: the
    /// data plane, or its successor, brings the connectors back.
    package static let reconnectGraceMilliseconds: UInt64 = 5_000
    /// How long the sockets of a data plane that died wait for its successor while other data planes serve.
    package static let successorGraceMilliseconds: UInt64 = 10_000
    /// How often an address that could not be opened is tried again.
    package static let listenAgainMilliseconds: UInt64 = 1_000
    /// Hosts one tunnel may hold, its generated ones included.
    package static let hostsPerTunnelMax = 64
    /// Hosts that bound tunnels hold, all together.
    package static let dynamicHostsMax = 1_048_576
    /// Fixed rules of all ingresses together; hosts that stand twice count twice.
    package static let rulesMax = RouteSnapshot.routesMax - dynamicHostsMax
    /// Longest file of rules that is read, in bytes.
    package static let ruleFileBytesMax = 2 << 30
    /// Hosts taken by new rules that are logged one by one, for each ingress.
    package static let displacedNotedMax = 20
    /// Addresses one node listens on.
    package static let addressesMax = 256
    /// Credentials of one node, counted for every set of authers that services name.
    package static let credentialsMax = 65_536
    /// Longest file of credentials that is read, in bytes.
    package static let credentialFileBytesMax = 64 << 20
    /// How long a BIND waits for the store to say whose its names are; then last knowledge decides. The data plane's own
    /// patience is `Limit.bindAnswerTimeoutMilliseconds`; at most `claimShare` hundredths of that are taken.
    package static let claimMilliseconds: UInt64 = 300
    package static let claimShare: UInt64 = 60
    /// Binds that wait for a store at once; beyond, last knowledge decides at once.
    package static let bindsWaitingMax = 16_384
    /// How long a data plane's question waits for a store, and how many do at once; beyond, they are answered "unknown".
    package static let lookupMilliseconds: UInt64 = 1_000
    package static let lookupsWaitingMax = 8_192
    /// How long "there is no such host" is believed, by this plane and by the data planes, unless a change is told.
    package static let absentMilliseconds: UInt64 = 5_000
    /// Names of other nodes' tunnels, "no such name" included, and tunnels that are mirrored; the oldest go first.
    package static let mirroredNamesMax = 32_768
    package static let mirroredTunnelsMax = 32_768
    /// Tunnels with connectors here that are mirrored without anybody having asked, so that their other connectors are
    /// known when those here fail.
    package static let mirroredOwnMax = 16_384
    /// Hosts that one mirrored name is known by, connectors that one mirrored tunnel has, nodes that are known.
    package static let hostsPerNameMax = 16
    package static let entriesPerTunnelMax = 1_024
    package static let nodesMax = 1_024
    /// Tunnels of other nodes that one data plane is kept informed of; the oldest go first.
    package static let toldTunnelsMax = 65_536
    /// Re-reads of one store in a second: of what may have changed, of what did change, and of everything after changes
    /// may have been missed.
    package static let rereadsPerSecond: UInt64 = 200
    /// Of hashes of Culvert nodes only, which are written by renewals all the time, while no stock node is known: a
    /// sample, by which a stock node that joins is found.
    package static let auditsPerSecond: UInt64 = 2
    /// Hashes that nobody here asked for and that were written just now, of which some are read: a sample, by which stock
    /// nodes are found; and how many of them wait for that, so that those that are read were written a moment ago.
    package static let samplesPerSecond: UInt64 = 4
    package static let samplesWaitingMax = 16
    /// For how long after its last young entry was seen a stock node is believed to be there: its entries are only seen
    /// as somebody asks for them, or by chance.
    package static let stockNodeMilliseconds: UInt64 = 600_000
    package static let changeReadsPerSecond: UInt64 = 5_000
    package static let sweepReadsPerSecond: UInt64 = 25_000
    /// Names, and tunnels, that one batch writes or reads, and batches of each kind that are under way at once.
    package static let namesPerBatchMax = 128
    package static let tunnelsPerBatchMax = 64
    package static let writesUnderWayMax = 16
    package static let readsUnderWayMax = 16
    /// Connectors of one tunnel that are written as one; more are written in parts.
    package static let connectorsPerPartMax = 128
    /// Connectors whose removal waits for a store that is away; those beyond end with their hash's expiry.
    package static let departuresMax = 131_072
    /// Tunnels whose names wait to be given up; those beyond are left to expire.
    package static let releasesMax = 16_384
    /// Within which everything is written again to a store that is back or was flushed.
    package static let rewriteMilliseconds: UInt64 = 3_000
    /// How long what such a store does not have (yet) is still believed, as a suspect.
    package static let returnGraceMilliseconds: UInt64 = 10_000
    /// How long after a failure the next batch of background work is sent.
    package static let storePauseMilliseconds: UInt64 = 200
    /// Deadlines of batches that nobody waits for.
    package static let storeBatchMilliseconds = 5_000
    /// After how many expirations without a renewal an entry is removed by whoever reads it.
    package static let leftoverExpirations: UInt64 = 10
    /// A node's lease: how long it holds, how often it is renewed, and how often those of others are looked at, at most.
    package static let leaseSeconds: UInt64 = 5
    package static let leaseRenewMilliseconds: UInt64 = 1_000
    package static let leaseReadMilliseconds: UInt64 = 250
    /// How long a restarted control plane waits for its data planes, at least and at most, before the entries of its
    /// predecessor are void.
    package static let rejoinMilliseconds: UInt64 = 3_000
    package static let epochGraceMilliseconds: UInt64 = 10_000
    /// Within which after a renewal here one change of the name is taken for that renewal.
    package static let echoMilliseconds: UInt64 = 2_000
    /// Other nodes that data planes are told of before anybody asks for a tunnel of theirs.
    package static let introducedNodesMax = 64
    /// Connectors, and names, that other nodes have said they have; beyond, only the stores say so.
    package static let saidConnectorsMax = 524_288
    package static let saidNamesMax = 262_144
    /// Changes that wait to be said to another node; beyond, everything is said anew.
    package static let wordsWaitingMax = 65_536
    /// How long a data plane may take to say what became of words, and the pause before they are told again, which grows
    /// to 32 times that.
    package static let wordsToldMilliseconds: UInt64 = 2_000
    package static let wordsRetryMilliseconds: UInt64 = 50
    /// How often another node is asked for its list, at most, and how young a list is not begun again.
    package static let wordsAgainMilliseconds: UInt64 = 1_000
    /// How long after the last link with a node is gone its words are kept, and what it has to be told.
    package static let wordsKeptMilliseconds: UInt64 = 60_000
    /// Services and ingresses of one node.
    package static let servicesMax = 256
    package static let ingressesMax = 256
}
