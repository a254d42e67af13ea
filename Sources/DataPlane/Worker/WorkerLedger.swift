import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// What a worker holds at the moment, told to whoever looks for leaks: at quiet every number must be explained by what
/// is open. Cold: counted when it is asked for.
package struct WorkerLedger: Equatable, Sendable {
    package var sockets: Int
    package var links: Int
    package var streams: Int
    package var visitors: Int
    /// Addresses that visitors are counted under.
    package var sources: Int
    /// Conversations of a client's visitor services.
    package var visits: Int
    /// Datagrams in flight.
    package var datagrams: Int
    package var connectors: Int
    /// Links to other data planes, those included that are being made.
    package var peerLinks: Int
    /// Streams that wait for another data plane to accept them.
    package var forwards: Int
    /// Questions to the control plane that are out.
    package var lookups: Int
    package var tunnels: Int
    /// Buffers taken, those lent to the shell included.
    package var buffersInUse: Int
    package var buffersWithShell: Int
    /// Nodes of slice queues.
    package var nodes: Int
    /// One buffer may be held to cut headers from.
    package var hasArena: Bool
}

extension Worker {
    /// What is held now.
    package var ledger: WorkerLedger {
        WorkerLedger(
            sockets: Int(sockets.count), links: Int(links.count), streams: Int(streams.count),
            visitors: Int(visitors.count), sources: sources.count, visits: Int(visits.count),
            datagrams: datagrams.count, connectors: directory.connectorCount, peerLinks: Int(peers.links.count),
            forwards: Int(peers.forwards.count), lookups: peers.lookups.count, tunnels: directory.tunnelCount,
            buffersInUse: buffers.buffersInUse, buffersWithShell: buffersWithShell, nodes: buffers.nodesHeld,
            hasArena: buffers.hasArena)
    }
}
