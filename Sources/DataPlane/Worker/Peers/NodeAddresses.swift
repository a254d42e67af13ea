import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// The addresses of stock nodes of the cluster: what comes from there may be another node's visitor, forwarded the stock
/// way (protocol tunnel-server §9), which says nothing of itself for TLS and relay visitors.
///
/// Sorted, and bounded like the nodes that are known; memory is touched as they come. Looked at once per connection.
struct NodeAddresses: ~Copyable {
    /// As many as a control plane knows nodes.
    static var countMax: Int { 1_024 }

    struct Entry: BitwiseCopyable {
        var high: UInt64
        var low: UInt64

        @_noLocks
        func isBelow(_ other: Entry) -> Bool { high != other.high ? high < other.high : low < other.low }
    }

    private let entries: UnsafeMutablePointer<Entry>
    private(set) var count = 0

    init() { entries = .allocate(capacity: NodeAddresses.countMax) }

    deinit { entries.deallocate() }

    /// Knows these from now on, whatever their ports; those beyond `countMax` are left out.
    mutating func replace(with addresses: [SocketAddress]) {
        let sorted = addresses.map { Entry(high: $0.high, low: $0.low) }.sorted { $0.isBelow($1) }
        count = 0
        for entry in sorted where count < NodeAddresses.countMax {
            (entries + count).initialize(to: entry)
            count += 1
        }
    }

    /// Whether an address, of whatever port, is one of them.
    @_noLocks
    func contains(_ address: SocketAddress) -> Bool {
        let wanted = Entry(high: address.high, low: address.low)
        var lower = 0
        var upper = count
        while lower < upper {
            let middle = (lower + upper) / 2
            if entries[middle].isBelow(wanted) { lower = middle + 1 } else { upper = middle }
        }
        return lower < count && !wanted.isBelow(entries[lower])
    }
}
