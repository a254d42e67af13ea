import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// Everything one worker knows of other data planes. Memory is taken for as many as there may be and touched as they
/// come; without a cluster none is.
struct Peers: ~Copyable {
    /// Data planes that may be known at a time.
    static var countMax: Int { 1_024 }
    /// Which worker of a peer had a tunnel when it was last asked for, by a hash of both: a guess, wrong at the cost of
    /// one more round trip.
    static var hintsMax: Int { 16_384 }

    /// nil: nobody said that we are in a cluster.
    var table: PeerTable? { didSet { isActive = table != nil } }
    /// The same, where no reference is counted to look.
    private(set) var isActive = false
    private let peers: UnsafeMutablePointer<Peer>
    /// One past the highest number.
    private(set) var count = 0
    var links: Slab<PeerLink>
    var forwards: Slab<Forward>
    var directory: RemoteDirectory
    /// From where stock nodes forward.
    var nodeAddresses = NodeAddresses()
    var lookups: LookupTable
    private let hints: UnsafeMutablePointer<UInt8>
    private var hasHints = false
    /// When somebody is to be dialled.
    var due = Tick.never
    /// This node as requests say it that are handed to stock nodes; empty where it is not known.
    var nodeText = InlineText()
    /// Connections to stock nodes, those that are being dialled included.
    var stockLinks: UInt32 = 0
    /// The hellos that stock nodes were handed and whose connections stand, by `ClientHello.mark`.
    var hellos: IndexTable
    /// A link came up or is gone: worker 0's desk is to hear which data planes can be told words.
    var isMeshChanged = false
    /// The number of the connection to the control plane that was heard last; 0: there is none that knows the cluster.
    var connection: UInt32 = 0

    init(_ capacity: WorkerCapacity, seed: UInt64) {
        peers = .allocate(capacity: Peers.countMax)
        hints = .allocate(capacity: Peers.hintsMax)
        links = Slab(capacity: capacity.peerLinks)
        forwards = Slab(capacity: capacity.forwards)
        directory = RemoteDirectory(capacity: capacity.remoteTunnels)
        lookups = LookupTable(capacity: capacity.lookups, seed: seed)
        hellos = IndexTable(capacity: capacity.stockLinks)
    }

    deinit {
        peers.deallocate()
        hints.deallocate()
    }

    /// The peer of a number below `count`.
    subscript(number: UInt16) -> UnsafeMutablePointer<Peer> {
        precondition(Int(number) < count)
        return peers + Int(number)
    }

    /// Makes room for the peer of a number.
    mutating func reach(_ number: Int) {
        precondition(number < Peers.countMax)
        while count <= number {
            (peers + count).initialize(to: Peer())
            count += 1
        }
    }

    /// The listed peer that a hello names.
    func find(_ node: NodeID, _ plane: InlineText) -> UInt16? {
        for number in 0..<count where peers[number].isListed && !peers[number].isStock {
            if peers[number].node == node, peers[number].plane == plane { return UInt16(number) }
        }
        return nil
    }

    // MARK: Which worker

    private func place(_ tunnel: TunnelID, _ peer: UInt16) -> Int {
        let mixed = (tunnel.high ^ (tunnel.low &* 0x9E37_79B9_7F4A_7C15)) &+ UInt64(peer) &* 0x0000_0100_0000_01B3
        return Int((mixed ^ mixed >> 29) % UInt64(Peers.hintsMax))
    }

    /// The worker that had the tunnel last; nil: nobody knows.
    func hint(_ tunnel: TunnelID, at peer: UInt16) -> Int? {
        guard hasHints else { return nil }
        let worker = hints[place(tunnel, peer)]
        return worker == 0 ? nil : Int(worker) - 1
    }

    mutating func setHint(_ tunnel: TunnelID, at peer: UInt16, worker: Int) {
        if !hasHints {
            hints.initialize(repeating: 0, count: Peers.hintsMax)
            hasHints = true
        }
        hints[place(tunnel, peer)] = UInt8(worker + 1)
    }
}
