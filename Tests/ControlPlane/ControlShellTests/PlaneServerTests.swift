import CLinux
import ControlCore
import ControlShell
import Foundation
import Glibc
import Model
import Observe
import PlaneLink
import Primitives
import Settings
import Testing

/// The control plane's shell against a data plane on a real socket with real descriptors.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct PlaneServerTests {
    private let path = RunningControl.path()

    @Test func aDataPlaneGetsListeningSocketsAndASealedTable() throws {
        let control = try RunningControl(path: path, RunningControl.configuration())
        let plane = try FakeDataPlane(path: path)
        plane.greet(workers: 3)
        let others = try plane.takeTable()
        #expect(others.count == 6, "hello, settings, trust, access, services, ingresses")
        #expect(plane.listeners.count == 6)
        #expect(plane.table?.count == 1)
        let port = plane.port(isTunnel: true)
        #expect(port != 0)
        #expect(Set(plane.listeners.map(\.listener.address)).count == 2, "three workers share the kernel's port")

        let visitor = dial(port)
        let accepted = try plane.accept(port: port)
        let tcp = Int32(IPPROTO_TCP)
        #expect(option(accepted, tcp, TCP_NODELAY) == 1)
        #expect(option(accepted, SOL_SOCKET, SO_KEEPALIVE) == 1)
        #expect(option(accepted, tcp, TCP_KEEPIDLE) == 15)
        #expect(option(accepted, tcp, TCP_USER_TIMEOUT) == 15_000)
        #expect(option(accepted, tcp, TCP_NOTSENT_LOWAT) == 32_768)
        close(visitor)
        close(accepted)
        try control.stop()
        #expect(access(path, F_OK) != 0, "the socket's path is removed")
    }

    @Test func aBindIsAnsweredAfterItsRoutes() throws {
        let control = try RunningControl(path: path, RunningControl.configuration())
        let plane = try FakeDataPlane(path: path)
        plane.greet()
        _ = try plane.takeTable()
        let tunnel = TunnelID("381433e1-7980-11ee-bbdb-60f262c1e32d")!
        let messages = try plane.bind(1, tunnel, host: "app.example")
        guard messages.count == 2, case .routeDelta(_, let changes) = messages[0] else {
            Issue.record("\(messages)")
            return
        }
        #expect(Set(changes.map(\.host.string)) == ["app.example", "b7de88a94729b931.localhost"])
        #expect(messages[1] == .bindAnswer(ask: 1, .granted(host: InlineText("app.example")!)))
        #expect(try plane.bind(2, tunnel) == [.bindAnswer(ask: 2, .granted(host: InlineText("b7de88a94729b931")!))])
        try control.stop()
    }

    @Test func connectionsWaitForTheSuccessorOfADeadDataPlane() throws {
        let control = try RunningControl(path: path, RunningControl.configuration())
        var plane: FakeDataPlane? = try FakeDataPlane(path: path)
        plane?.greet()
        _ = try plane?.takeTable()
        let port = plane!.port(isTunnel: false)
        plane = nil
        let visitors = (0..<20).map { _ in dial(port) }
        #expect(!visitors.contains(-1), "no connection is refused")
        let successor = try FakeDataPlane(path: path)
        successor.greet(epoch: 2)
        _ = try successor.takeTable()
        for visitor in visitors {
            close(try successor.accept(port: port))
            close(visitor)
        }
        try control.stop()
    }

    @Test func aRestartedControlPlaneAdoptsWhatTheDataPlaneHolds() throws {
        let first = try RunningControl(path: path, RunningControl.configuration())
        let plane = try FakeDataPlane(path: path)
        plane.greet()
        _ = try plane.takeTable()
        let tunnelPort = plane.port(isTunnel: true), entrypointPort = plane.port(isTunnel: false)
        try first.stop()
        #expect(dial(tunnelPort) >= 0, "the data plane still listens")

        let configuration = RunningControl.configuration(tunnelPort: tunnelPort, entrypointPort: entrypointPort)
        let second = try RunningControl(path: path, configuration)
        let again = try FakeDataPlane(path: path)
        again.listeners = plane.listeners
        plane.listeners = []
        let held = Set(again.listeners.map(\.listener.id))
        let bound = BoundConnector(
            connector: ConnectorID(high: 3, low: 3), tunnel: TunnelID(high: 9, low: 9), service: ServiceIndex(0),
            grantedHost: InlineText("app.example")!, isUDP: false, weight: 0, worker: WorkerIndex(0), source: .unknown)
        again.connectors = [bound]
        again.greet()
        _ = try again.takeTable()
        #expect(Set(again.listeners.map(\.listener.id)) == held)
        #expect(again.table?.count == 3)
        let status = try second.status()
        #expect(status.keptSockets == 4)
        #expect(status.connectors == 1)
        #expect(status.isReady)
        try second.stop()
    }

    /// The second data plane of a node makes both peers: each has a socket that the other one finds by its name, and the
    /// secret outlives the control plane.
    @Test func dataPlanesOfANodeGetSocketsForEachOther() throws {
        let control = try RunningControl(path: path, RunningControl.configuration())
        let first = try FakeDataPlane(path: path), second = try FakeDataPlane(path: path)
        first.greet(name: "data-0", capabilities: [.access, .trust, .cluster])
        #expect(!(try first.takeTable()).contains { if case .peering = $0 { true } else { false } })
        second.greet(name: "data-1", capabilities: [.access, .trust, .cluster])
        let told = try second.takeTable()
        let peering = try #require(
            told.compactMap { message -> PlanePeering? in
                if case .peering(let peering) = message { peering } else { nil }
            }.first)
        #expect(peering.node == NodeID(name: "test"))
        let paths = ["data-0", "data-1"].map { PlanePeering.socketPath(beside: path, plane: $0) }
        #expect(second.listeners.filter { $0.listener.role == .peers }.map(\.listener.address) == [paths[1]])
        // Told to the one that serves already: the word, the row, and its socket.
        var rows: [PlaneNode] = [], words: [PlanePeering] = [], sockets: [PlaneListener] = []
        while sockets.isEmpty || rows.isEmpty, let message = try first.next() {
            switch message.message {
            case .peering(let peering): words.append(peering)
            case .node(let row): rows.append(row)
            case .listener(let listener):
                sockets.append(listener)
                close(try #require(message.descriptor))
            default: break
            }
        }
        #expect(words == [peering] && rows.first?.peers.map(\.plane) == ["data-0", "data-1"])
        #expect(sockets.map(\.address) == [paths[0]])
        #expect(paths.allSatisfy { access($0, F_OK) == 0 })
        try control.stop()

        let next = try RunningControl(path: path, RunningControl.configuration())
        let again = try FakeDataPlane(path: path), other = try FakeDataPlane(path: path)
        again.greet(name: "data-2", epoch: 2, capabilities: [.access, .trust, .cluster])
        _ = try again.takeTable()
        other.greet(name: "data-3", epoch: 2, capabilities: [.access, .trust, .cluster])
        #expect(try other.takeTable().contains(.peering(peering)))
        try next.stop()
    }

    @Test func aStrangersPortStopsTheStart() throws {
        let stranger = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(stranger) }
        var address = loopback(0)
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(stranger, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        listen(stranger, 1)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(stranger, $0, &length) }
        }
        let port = UInt16(bigEndian: address.sin_port)
        let control = try RunningControl(path: path, RunningControl.configuration(entrypointPort: port))
        let fault = #expect(throws: ControlFault.self) { try control.end() }
        #expect(fault?.description.contains("127.0.0.1:\(port)") == true)
        #expect(fault?.description.contains("the entrypoint of service service-0") == true)
    }

    @Test func onlyOneControlPlanePerSocketAndStaleOnesAreReplaced() throws {
        let first = try RunningControl(path: path, RunningControl.configuration())
        _ = try FakeDataPlane(path: path)
        let second = try RunningControl(path: path, RunningControl.configuration())
        #expect(throws: ControlFault.self) { try second.end() }
        let permissions = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(permissions == 0o600)
        try first.stop()

        let left = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(left, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0)
        close(left)
        let third = try RunningControl(path: path, RunningControl.configuration())
        let plane = try FakeDataPlane(path: path)
        plane.greet()
        _ = try plane.takeTable()
        try third.stop()
    }

    @Test func nonsenseAndUnknownVersionsDisturbNobody() throws {
        let control = try RunningControl(path: path, RunningControl.configuration())
        let plane = try FakeDataPlane(path: path)
        plane.greet()
        _ = try plane.takeTable()

        let garbage = try FakeDataPlane(path: path)
        garbage.send([0xFF, 0xFF, 0xFF, 0xFF, 1, 1, 1])
        #expect(try garbage.next() == nil)

        let stranger = try FakeDataPlane(path: path)
        let file = culvert_memfd("x")
        stranger.send([4, 0, 0, 0, 0x01, 0x80, 9, 0, 0, 0], descriptor: file)
        close(file)
        guard case .refused(let text) = try stranger.next()?.message else {
            Issue.record("not refused")
            return
        }
        #expect(text.contains("9.0"))
        #expect(try stranger.next() == nil)

        // One that never reads while another one is served.
        let silent = try FakeDataPlane(path: path)
        silent.greet(name: "data-1")
        for ask in 0..<500 { _ = try plane.bind(UInt64(ask), TunnelID(high: 1, low: UInt64(ask) + 1)) }
        let status = try control.status()
        #expect(status.tunnels == 500)
        #expect(status.dataPlanes.count == 2)
        #expect(status.tally.linkFaults == 2)
        try control.stop()
    }

    @Test func metricsAndDumpShowBothPlanes() throws {
        let control = try RunningControl(path: path, RunningControl.configuration())
        let plane = try FakeDataPlane(path: path)
        plane.greet(requests: 42)
        _ = try plane.takeTable()
        let status = try control.status()
        let text = MetricsText.render(status)
        for line in [
            "culvert_requests_total{data_plane=\"data-0\"} 42",
            "culvert_visitors{data_plane=\"data-0\"} 3",
            "culvert_ends_total{data_plane=\"data-0\",reason=\"no_route\"} 3",
            "culvert_routes 1", "culvert_data_planes 1",
        ] {
            #expect(text.contains(line + "\n"), "\(line)")
        }
        let gathered = control.dump()
        guard case .dumpAsk(let id) = try plane.next()?.message else {
            Issue.record("the data plane is not asked")
            return
        }
        var own = DumpText()
        let isWhole = plane.table!.forEach { own.add(ingress: $0, isWildcard: $1, name: $2, route: $3) }
        #expect(isWhole)
        let pieces = DumpText.pieces(own.finish())
        for (index, piece) in pieces.enumerated() {
            plane.send(.dump(id: id, text: piece, isLast: index == pieces.count - 1))
        }
        let dump = try gathered.take()
        #expect(dump.agree)
        #expect(dump.dataPlanes.count == 1)
        #expect(dump.listeners["data-0"]?.count == 2)

        // A data plane that does not answer is not waited for longer than a second.
        let silent = try control.dump().take()
        #expect(!silent.agree)
        #expect(silent.dataPlanes[0].data == nil)
        try control.stop()
    }
}
