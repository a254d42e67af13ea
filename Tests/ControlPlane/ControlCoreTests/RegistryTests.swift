import ControlCore
import Model
import PlaneLink
import Primitives
import Testing

/// Tunnels and connectors stay in step, and what is remembered of the absent is bounded.
struct RegistryTests {
    private func bound(_ connector: UInt64, _ tunnelNumber: UInt64) -> BoundConnector {
        BoundConnector(
            connector: ConnectorID(high: 1, low: connector), tunnel: tunnel(tunnelNumber), service: ServiceIndex(0),
            grantedHost: InlineText(), isUDP: false, weight: 1, worker: WorkerIndex(0), source: .unknown)
    }

    private func tick(_ seconds: UInt64) -> Tick { Tick.zero.advanced(milliseconds: seconds * 1_000) }

    @Test func aTunnelGoesAfterItsTimeWithoutConnectors() {
        var registry = Registry()
        registry.add(bound(1, 1), on: LinkID(1))
        registry.hold(HostKey(ingress: IngressIndex(0), host: "a"), by: tunnel(1))
        _ = registry.remove(ConnectorID(high: 1, low: 1), heldUntil: tick(5), offlineUntil: tick(60))
        #expect(registry[tunnel(1)]?.givesWay(at: tick(4)) == false)
        #expect(registry[tunnel(1)]?.givesWay(at: tick(5)) == true)
        #expect(registry.nextOffline == tick(60))
        #expect(registry.takeExpired(at: tick(59)) == nil)
        #expect(registry.takeExpired(at: tick(60))?.hosts.count == 1)
        #expect(registry.tunnels.isEmpty)
        #expect(registry.takeExpired(at: tick(99)) == nil)
    }

    @Test func comingAndGoingLeavesNothingBehind() {
        var registry = Registry()
        for number in 0..<10_000 {
            registry.add(bound(1, 1), on: LinkID(1))
            _ = registry.remove(
                ConnectorID(high: 1, low: 1), heldUntil: tick(1), offlineUntil: tick(60 + UInt64(number)))
            #expect(registry.offlineEntries <= 1_027)
        }
        #expect(registry.takeExpired(at: tick(10_058)) == nil)
        #expect(registry.takeExpired(at: tick(10_059))?.tunnel == tunnel(1))
    }

    @Test func aConnectorThatChangesItsTunnelIsInOneOnly() {
        var registry = Registry()
        registry.add(bound(1, 1), on: LinkID(1))
        registry.add(bound(1, 2), on: LinkID(1))
        #expect(registry[tunnel(1)]?.connectors.isEmpty == true)
        #expect(registry[tunnel(2)]?.connectors.count == 1)
        #expect(registry.connectors.count == 1)
    }
}

private func == (
    left: (tunnel: TunnelID, hosts: Set<HostKey>)?, right: (tunnel: TunnelID, hosts: Set<HostKey>)?
) -> Bool { left?.tunnel == right?.tunnel && left?.hosts == right?.hosts }
