package import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// How many of everything one worker has room for, by the limits it starts with: what `Worker.init` allots and what
/// `MemoryPlan` adds up.
package struct WorkerCapacity: Equatable, Sendable {
    /// Those included that are let in only to be told that there is no room.
    package let visitors: Int
    package let links: Int
    package let streams: Int
    package let sockets: Int
    package let tunnels: Int
    /// Of all workers: each knows every connector.
    package let connectors: Int
    /// Conversations of a client's visitor services.
    package let visits: Int
    /// What the operations of one turn may grow to.
    package let operations: Int
    /// Links to workers of other data planes, streams that wait to be accepted there, tunnels that are known to be
    /// there, and questions for the control plane that are out.
    package let peerLinks: Int
    package let forwards: Int
    package let remoteTunnels: Int
    package let lookups: Int
    /// Connections to stock nodes.
    package let stockLinks: Int

    /// Room by `limits` for one of `workerCount` workers.
    package init(_ limits: Limits, workerCount: Int, isClient: Bool) {
        visitors = Int(limits[.visitorsPerWorkerMax]) + Int(Worker.surplusMax)
        links = Int(limits[.linksPerWorkerMax]) + Int(Worker.surplusMax)
        streams = Int(limits[.streamsPerWorkerMax])
        // A client's streams have a target each, its visits a local connection beside their link.
        sockets = visitors + links + (isClient ? streams + links : 0) + 16
        tunnels = Int(limits[.tunnelsMax])
        connectors = links * workerCount
        visits = isClient ? links : 1
        operations = sockets * 8
        // A client knows of no other data planes.
        peerLinks = isClient ? 1 : Int(limits[.peerLinksPerWorkerMax])
        forwards = isClient ? 1 : Int(limits[.forwardsPendingMax])
        remoteTunnels = isClient ? 1 : Int(limits[.remoteTunnelsMax])
        lookups = isClient ? 1 : Int(limits[.lookupsPendingMax])
        stockLinks = isClient ? 1 : Int(limits[.stockLinksPerWorkerMax])
    }
}
