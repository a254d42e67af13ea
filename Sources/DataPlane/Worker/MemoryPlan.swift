package import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// The memory that a data plane may come to use, table by table, on paper: computed from the same capacities and layouts
/// that a worker is made of. All of it is address space at first; pages are touched as they are needed.
package struct MemoryPlan: Sendable {
    /// One table, slab, queue or pool.
    package struct Row: Sendable {
        package let name: String
        package let count: Int
        package let bytesEach: Int
        package var bytes: Int { count * bytesEach }

        init(_ name: String, _ count: Int, _ bytesEach: Int) {
            self.name = name
            self.count = count
            self.bytesEach = bytesEach
        }
    }

    package let workers: Int
    /// What each worker has.
    package let perWorker: [Row]
    /// What the process has once.
    package let perProcess: [Row]

    /// By `limits`, for workers with `bufferCount` buffers each and mailboxes of `mailboxCells` cells between any two.
    package init(_ limits: Limits, workers: Int, bufferCount: Int, mailboxCells: Int) {
        self.workers = workers
        let capacity = WorkerCapacity(limits, workerCount: workers, isClient: false)
        perWorker =
            [
                Row("buffers", bufferCount, BufferStore.bytesPerBuffer),
                Row("visitors", capacity.visitors, Slab<Visitor>.bytesPerSlot),
                Row("links", capacity.links, Slab<Link>.bytesPerSlot),
                Row("addresses of links", capacity.links, Slab<RelayAddress>.bytesPerSlot),
                Row("sockets", capacity.sockets, Slab<Socket>.bytesPerSlot),
                Row("deadlines", capacity.sockets, TimerWheel.bytesPerNode),
                Row("streams", capacity.streams, Slab<Stream>.bytesPerSlot),
                Row("streams by number", IndexTable.cells(capacity: capacity.streams), IndexTable.bytesPerCell),
                Row("sources of visitors", capacity.visitors, SourceTable.bytesPerSource),
                Row("sources by address", IndexTable.cells(capacity: capacity.visitors), IndexTable.bytesPerCell),
                Row("tunnels", capacity.tunnels, Directory.bytesPerTunnel),
                Row("tunnels by id", IndexTable.cells(capacity: capacity.tunnels), IndexTable.bytesPerCell),
                Row("connectors of all workers", capacity.connectors, Directory.bytesPerConnector),
                Row("connectors by id", IndexTable.cells(capacity: capacity.connectors), IndexTable.bytesPerCell),
                Row("operations of a turn", capacity.operations, MemoryLayout<Operation>.stride),
                Row("gathered sends", WorkerSetup.vectorsStandard, SendVectorPool.bytesPerVector),
                Row("links that wait", capacity.links + Worker.linksWaitingMax, MemoryLayout<UInt64>.stride),
                Row("parcels", workers > 1 ? ParcelPool.countMax : 1, ParcelPool.bytesPerParcel),
                Row("mailboxes to others", (workers - 1) * mailboxCells, MemoryLayout<Mailbox.Cell>.stride),
                Row(
                    "changes of routes", RouteOverlay.slots(capacity: WorkerSetup.overlayStandard),
                    RouteOverlay.bytesPerSlot),
                Row("failed logins", FailedLogins.count, FailedLogins.bytesPerSource),
            ] + MemoryPlan.cluster(capacity)
        perProcess = [Row("counters", 1, CounterFile.bytes(workers: workers))]
    }

    /// What a worker may come to know of other data planes; of one that stands alone nothing of it is touched.
    private static func cluster(_ capacity: WorkerCapacity) -> [Row] {
        [
            Row("other data planes", Peers.countMax, MemoryLayout<Peer>.stride),
            Row("peer links", capacity.peerLinks, Slab<PeerLink>.bytesPerSlot),
            Row("streams to be accepted there", capacity.forwards, Slab<Forward>.bytesPerSlot),
            Row("tunnels elsewhere", capacity.remoteTunnels, RemoteDirectory.bytesPerTunnel),
            Row(
                "tunnels elsewhere by id", IndexTable.cells(capacity: capacity.remoteTunnels),
                IndexTable.bytesPerCell),
            Row("workers that had a tunnel", Peers.hintsMax, 1),
            Row("questions", capacity.lookups, LookupTable.bytesPerQuestion),
            Row("questions by key", IndexTable.cells(capacity: capacity.lookups), IndexTable.bytesPerCell),
            Row(
                "hellos at stock nodes", IndexTable.cells(capacity: capacity.stockLinks), IndexTable.bytesPerCell),
            Row("hosts that there are not", LookupTable.absencesMax, LookupTable.bytesPerAbsence),
        ]
    }

    package var bytesPerWorker: Int { perWorker.reduce(0) { $0 + $1.bytes } }
    /// Of the whole process.
    package var bytes: Int { bytesPerWorker * workers + perProcess.reduce(0) { $0 + $1.bytes } }
    /// Connections that it has room for: visitors and tunnel clients of all workers.
    package var connections: Int {
        workers * perWorker.filter { $0.name == "visitors" || $0.name == "links" }.reduce(0) { $0 + $1.count }
    }

    /// The table as a person reads it.
    package var text: String {
        var lines = [MemoryPlan.line("of each worker", "entries", "bytes each", "bytes")]
        for row in perWorker { lines.append(MemoryPlan.line(row)) }
        lines.append(MemoryPlan.line("sum", "", "", MemoryPlan.grouped(bytesPerWorker)))
        lines.append("")
        lines.append(MemoryPlan.line("of the process", "entries", "bytes each", "bytes"))
        lines.append(
            MemoryPlan.line(
                "workers", MemoryPlan.grouped(workers), MemoryPlan.grouped(bytesPerWorker),
                MemoryPlan.grouped(bytesPerWorker * workers)))
        for row in perProcess { lines.append(MemoryPlan.line(row)) }
        lines.append(MemoryPlan.line("sum", "", "", MemoryPlan.grouped(bytes)))
        lines.append("")
        lines.append(
            "Room for \(MemoryPlan.grouped(connections)) connections, \(MemoryPlan.grouped(bytes / max(connections, 1))) bytes each."
        )
        lines.append(
            "All of this is address space: a page becomes memory when it is first used, and what a burst used of")
        lines.append(
            "the buffers goes back. Beside it: the routing table, mapped once for all workers; the shell; what the")
        lines.append("kernel keeps for sockets.")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func line(_ row: Row) -> String {
        line(row.name, grouped(row.count), grouped(row.bytesEach), grouped(row.bytes))
    }

    private static func line(_ name: String, _ count: String, _ each: String, _ bytes: String) -> String {
        name + pad(count, 40 - name.utf8.count) + pad(each, 12) + pad(bytes, 18)
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(1, width - text.utf8.count)) + text
    }

    /// `65,536`.
    private static func grouped(_ value: Int) -> String {
        var out = ""
        for (index, digit) in String(value).reversed().enumerated() {
            if index > 0, index % 3 == 0 { out.append(",") }
            out.append(digit)
        }
        return String(out.reversed())
    }
}
