import ControlCore
import Foundation
import Model
import PlaneLink
import Primitives
import Settings
import Testing

/// A data plane of release 1.0, replayed from its recorded bytes against this control plane: it is served, and hears
/// nothing that it does not know. (Majors: there is one so far.)
struct OldDataPlaneTests {
    private struct Recording: Decodable {
        var dataToControl: String
    }

    /// The frames of the recording, each as it came.
    private func recorded() throws -> [PlaneFrame] {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        let file = root.appendingPathComponent("Vectors/plane/1.0.json")
        let digits = try JSONDecoder().decode(Recording.self, from: Data(contentsOf: file)).dataToControl
            .compactMap(\.hexDigitValue)
        var reader = PlaneFrameReader()
        reader.receive(stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) })
        var frames: [PlaneFrame] = []
        while case .frame(let frame) = reader.next() { frames.append(frame) }
        return frames
    }

    /// Kinds of 1.0, in the order of a session.
    private static let session: [UInt16] = [0x8001, 0x8002, 2, 4, 5, 6, 7, 3, 1]
    private static let kindsOfOneZero = Set<UInt16>(1...14).union([0x8001, 0x8002])

    @Test func releaseOneZeroIsServed() throws {
        let frames = try recorded()
        #expect(Set(frames.map(\.kind)) == Set(Self.session))
        let configuration = SimulatedNode.configuration { configuration in
            configuration.authers = [Auther(name: "a")]
            var second = configuration.services[0]
            second.name = "service-1"
            second.address.port = 8_422
            second.entrypoints = []
            configuration.services.append(second)
            second.name = "service-2"
            second.address.port = 8_423
            second.authers = [0]
            configuration.services.append(second)
        }
        var core = try ControlCore(
            configuration, nodeName: "node", nodeEpoch: 1, credentialKey: SimulatedNode.key, tableSeed: 99)
        var said: [ControlToData] = []
        var listeners: [PlaneListener] = []
        let link = LinkID(1)
        var now = Tick(nanoseconds: 1_000_000_000)
        func perform(_ effects: [ControlEffect]) {
            for effect in effects {
                switch effect {
                case .send(_, let message): said.append(message)
                case .sendListener(_, _, let listener): listeners.append(listener)
                case .sendTable(_, let generation, _): said.append(.routesSnapshot(generation: generation, count: 0))
                case .openListeners(_, let orders):
                    let opened = orders.map {
                        OpenedListener(order: $0, address: $0.point.address(of: core.plan))
                    }
                    perform(core.handle(.listenersOpened(link, opened, failed: []), now: now))
                case .close: Issue.record("the link was closed")
                default: break
                }
            }
        }
        perform(core.handle(.connected(link), now: now))
        for kind in Self.session {
            now = now.advanced(milliseconds: 100)
            for frame in frames where frame.kind == kind {
                let message = try #require(try DataToControl.decode(frame))
                perform(core.handle(.received(link, message), now: now))
            }
        }
        #expect(core.links[link]?.phase == .serving)
        #expect(said.contains { if case .bindAnswer(_, .granted) = $0 { true } else { false } })
        // Every message is one that 1.0 knows, and the port with a login is not handed over.
        for message in said {
            var bytes: [UInt8] = []
            message.encode(to: &bytes)
            #expect(Self.kindsOfOneZero.contains(UInt16(bytes[4]) | UInt16(bytes[5]) << 8), "\(message)")
        }
        #expect(listeners.contains { $0.role == .tunnel(ServiceIndex(1)) })
        #expect(!listeners.contains { $0.role == .tunnel(ServiceIndex(2)) })
        // The recorded connector was lost in the end, the bound one lives.
        #expect(core.dump(of: link).contains("connectors "))
    }
}
