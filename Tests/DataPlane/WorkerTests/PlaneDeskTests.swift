import Foundation
import Model
import PlaneLink
import Primitives
import Testing
import Wire

@testable import Worker

/// The data plane's side of the plane link: what it serves by, what it decides alone, and that it waits for nobody.
@Suite struct PlaneDeskTests {
    private static let tunnel = TunnelID(high: 1, low: 2)
    private static let key = CredentialKey(high: 3, low: 4)
    private static let service = PlaneService(
        index: ServiceIndex(0), name: "service-0", carrier: .tcp, path: "", ingress: IngressIndex(0), muxVersion: 2,
        isDirect: false, urlTemplates: [])

    private func desk(workers: Int = 1) -> PlaneDesk {
        PlaneDesk(
            hello: DataHello(
                version: .current, capabilities: [.access], dataPlaneName: "data-0", processEpoch: 1,
                workers: UInt8(workers), processID: 1, countersLayout: 1),
            path: "/nowhere", workerCount: workers, countersDescriptor: -1)
    }

    private func tick(_ milliseconds: UInt64) -> Tick { Tick(nanoseconds: milliseconds * 1_000_000) }

    private func hear(_ desk: PlaneDesk, _ messages: [ControlToData]) {
        var bytes: [UInt8] = []
        for message in messages { message.encode(to: &bytes) }
        bytes.withUnsafeBytes { desk.received($0, descriptors: []) }
    }

    private func hello(_ capabilities: PlaneCapabilities = [.access], minor: UInt16 = 1) -> ControlToData {
        .hello(
            ControlHello(
                version: PlaneVersion(major: 1, minor: minor), capabilities: capabilities, nodeName: "node",
                nodeEpoch: 1))
    }

    /// The services of the last table that the workers were given.
    private func table(_ desk: PlaneDesk) -> NodeTable? {
        var last: NodeTable?
        for effect in desk.effects { if case .replaceNodeTable(let table) = effect { last = table } }
        return last
    }

    private func isGivenUp(_ desk: PlaneDesk) -> Bool {
        desk.effects.contains { if case .disconnect = $0 { true } else { false } }
    }

    private func said(_ desk: PlaneDesk) throws -> [DataToControl] {
        var reader = PlaneFrameReader()
        while let batch = desk.takeOutgoing() { reader.receive(batch.bytes) }
        var messages: [DataToControl] = []
        while case .frame(let frame) = reader.next() {
            if let message = try DataToControl.decode(frame) { messages.append(message) }
        }
        return messages
    }

    private func question(_ number: UInt64, host: String = "", holdsHost: Bool = false) -> BindQuestion {
        BindQuestion(
            ask: BindAsk(
                ask: 0, connector: ConnectorID(high: 9, low: number), tunnel: Self.tunnel, service: ServiceIndex(0),
                requestedHost: InlineText(host)!, port: 0, isUDP: false, weight: 0, source: .unknown, capabilities: 0),
            worker: 0, link: UInt32(number), generation: 1, holdsHost: holdsHost)
    }

    private func verdicts(_ desk: PlaneDesk) -> [BindVerdict] {
        desk.effects.compactMap { if case .answerBind(_, let verdict) = $0 { verdict } else { nil } }
    }

    // MARK: Access

    private func access(_ table: UInt16?) -> ControlToData {
        .access(
            key: Self.key,
            [PlaneAccess(service: ServiceIndex(0), credentials: table, entrypointID: .zero, relaysAtEntrypoints: false)]
        )
    }

    private func digest(_ user: String) -> CredentialDigest {
        CredentialDigest(user: InlineText(user)!, password: InlineText("p")!, key: Self.key)
    }

    private func admits(_ desk: PlaneDesk, _ user: String) -> Bool? {
        table(desk)?.service(ServiceIndex(0))?.credentials?
            .admits(user: InlineText(user)!, password: InlineText("p")!)
    }

    @Test func credentialsComeInPartsAndHoldWithTheServices() {
        let desk = desk()
        desk.connected()
        hear(desk, [hello(), .credentials(table: 0, [digest("a")]), .credentials(table: 0, [digest("b")]), access(0)])
        #expect(table(desk) == nil)
        hear(desk, [.services(generation: 1, [Self.service])])
        #expect(admits(desk, "a") == true)
        #expect(admits(desk, "b") == true)
        #expect(admits(desk, "c") == false)
        // A later set replaces the earlier one as a whole, and not before its services.
        hear(desk, [.credentials(table: 0, [digest("c")]), access(0)])
        #expect(admits(desk, "a") == true)
        hear(desk, [.services(generation: 1, [Self.service])])
        #expect(admits(desk, "a") == false)
        #expect(admits(desk, "c") == true)
        // An empty table is one that nothing came for.
        hear(desk, [access(0), .services(generation: 1, [Self.service])])
        #expect(admits(desk, "c") == false)
        hear(desk, [access(nil), .services(generation: 1, [Self.service])])
        #expect(table(desk)?.service(ServiceIndex(0))?.credentials == nil)
    }

    /// The lock stays on the door while the control plane is away, and while its successor speaks.
    @Test func accessOutlivesTheLink() {
        let desk = desk()
        desk.connected()
        hear(
            desk, [hello(), .credentials(table: 0, [digest("a")]), access(0), .services(generation: 1, [Self.service])])
        desk.disconnected(tick(5))
        desk.connected()
        hear(desk, [hello(), .settings(PlaneSettings(generation: 1, limits: [:], logLevel: .info))])
        #expect(admits(desk, "a") == true)
        #expect(admits(desk, "x") == false)
    }

    @Test func servicesWithoutAWordAboutAccessAreABreach() {
        let desk = desk()
        desk.connected()
        hear(desk, [hello(), .services(generation: 1, [Self.service])])
        #expect(isGivenUp(desk))
        #expect(table(desk) == nil)
    }

    /// Release 1.0 knows no credentials, and refuses a configuration that asks for them: its services are open.
    @Test func anOlderControlPlaneIsServed() {
        let desk = desk()
        desk.connected()
        hear(desk, [hello([], minor: 0), .services(generation: 1, [Self.service])])
        #expect(!isGivenUp(desk))
        #expect(table(desk)?.service(ServiceIndex(0))?.credentials == nil)
        #expect(table(desk)?.service(ServiceIndex(0))?.name == "service-0")
    }

    @Test func anUnknownMajorIsGivenUp() {
        let desk = desk()
        desk.connected()
        var frame: [UInt8] = []
        PlaneFrame.append(kind: 1, to: &frame) { writer in
            writer.put(UInt16(2))
            writer.put(UInt16(0))
        }
        frame.withUnsafeBytes { desk.received($0, descriptors: []) }
        #expect(isGivenUp(desk))
    }

    /// Kinds of a later minor are skipped, and the descriptors that come with them closed.
    @Test func unknownKindsAreSkipped() {
        let desk = desk()
        desk.connected()
        var bytes: [UInt8] = []
        hello().encode(to: &bytes)
        PlaneFrame.append(kind: 0x80F0, to: &bytes) { $0.put("from the future") }
        PlaneFrame.append(kind: 0x70F0, to: &bytes) { $0.put("from the future") }
        access(nil).encode(to: &bytes)
        ControlToData.services(generation: 1, [Self.service]).encode(to: &bytes)
        bytes.withUnsafeBytes { desk.received($0, descriptors: [77]) }
        #expect(!isGivenUp(desk))
        #expect(table(desk)?.service(ServiceIndex(0)) != nil)
        #expect(desk.effects.contains { if case .closeDescriptor(77) = $0 { true } else { false } })
    }

    private struct Recording: Decodable {
        var controlToData: String
    }

    /// A control plane of release 1.0, replayed from its recorded bytes: all that it says but farewells is understood.
    @Test func releaseOneZeroIsUnderstood() throws {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        let file = root.appendingPathComponent("Vectors/plane/1.0.json")
        let digits = try JSONDecoder().decode(Recording.self, from: Data(contentsOf: file)).controlToData
            .compactMap(\.hexDigitValue)
        var reader = PlaneFrameReader()
        reader.receive(stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) })
        let desk = desk(workers: 4)
        desk.connected()
        var kinds: Set<UInt16> = []
        while case .frame(let frame) = reader.next() {
            kinds.insert(frame.kind)
            // 2: refused, 12: drain.
            guard frame.kind != 2, frame.kind != 12 else { continue }
            var bytes: [UInt8] = []
            PlaneFrame.append(kind: frame.kind, to: &bytes) { writer in for byte in frame.body { writer.put(byte) } }
            bytes.withUnsafeBytes { desk.received($0, descriptors: frame.carriesDescriptor ? [50] : []) }
        }
        #expect(kinds == Set(1...14).union([0x8001, 0x8002]))
        #expect(!isGivenUp(desk))
        let service = table(desk)?.service(ServiceIndex(1))
        #expect(service?.name == "service-0")
        #expect(service?.credentials == nil)
        #expect(desk.nodeName == "node-a")
        #expect(desk.effects.contains { if case .mapTable(.whole, 50, _) = $0 { true } else { false } })
        #expect(
            desk.effects.contains { if case .changeRoutes(let changes, _) = $0 { changes.count == 3 } else { false } })
        #expect(try said(desk).contains(.pong))
    }

    // MARK: Alone

    @Test func aBindIsDecidedAloneWhenNobodyAnswers() throws {
        let desk = desk()
        desk.connected()
        _ = try said(desk)
        desk.ask(question(1), now: tick(0), patienceMilliseconds: 500)
        desk.advance(tick(499))
        #expect(verdicts(desk).isEmpty)
        #expect(desk.nextDeadline == tick(500))
        desk.advance(tick(500))
        #expect(verdicts(desk).map(\.host.string) == [Endpoint.label(of: Self.tunnel).string])
        let messages = try said(desk)
        guard messages.count == 2, case .bindAsk = messages[0], case .connectorBound(let bound) = messages[1] else {
            Issue.record("\(messages)")
            return
        }
        #expect(bound.grantedHost == Endpoint.label(of: Self.tunnel))
    }

    /// Alone a host is granted only where the routes give it to this tunnel already.
    @Test func aHostIsGrantedAloneOnlyToItsHolder() {
        let desk = desk()
        desk.ask(question(1, host: "Shop.example", holdsHost: true), now: tick(0), patienceMilliseconds: 500)
        desk.ask(question(2, host: "other.example"), now: tick(0), patienceMilliseconds: 500)
        #expect(verdicts(desk).map(\.host.string) == ["Shop.example", Endpoint.label(of: Self.tunnel).string])
    }

    /// A control plane that does not read: what waits for it is bounded, then the link is made anew and everything said
    /// from the beginning. Nothing of it keeps a client waiting.
    @Test func aControlPlaneThatDoesNotReadIsLeft() throws {
        let desk = desk()
        desk.connected()
        var count: UInt64 = 0
        while !isGivenUp(desk), count < 200_000 {
            count += 1
            desk.ask(question(count), now: tick(count), patienceMilliseconds: 500)
            desk.advance(tick(count))
            desk.effects.removeAll { effect in
                if case .disconnect = effect { false } else { true }
            }
        }
        #expect(isGivenUp(desk))
        #expect(count > 10_000)
        desk.effects = []
        desk.disconnected(tick(count))
        // All that were waiting are answered now.
        #expect(verdicts(desk).count >= 500)
        #expect(desk.outgoing.isEmpty)
        desk.connected()
        let messages = try said(desk)
        #expect(messages.count == Int(count) + 2)
        #expect(messages.first == .hello(desk.hello))
        #expect(messages.last == .inventoryEnd)
    }

    /// A control plane that tells rules from claims replaces each alone; one that does not means everything.
    @Test(arguments: [[.access], [.access, .rules]] as [PlaneCapabilities])
    func tablesReplaceWhatTheControlPlaneMeans(capabilities: PlaneCapabilities) {
        let desk = desk()
        desk.connected()
        var bytes: [UInt8] = []
        let messages: [ControlToData] = [
            hello(capabilities), .rulesSnapshot(generation: 4, count: 1), .routesSnapshot(generation: 5, count: 1),
        ]
        for message in messages { message.encode(to: &bytes) }
        bytes.withUnsafeBytes { desk.received($0, descriptors: [60, 61]) }
        var mapped: [(RouteTableKind, Int32)] = []
        for effect in desk.effects {
            if case .mapTable(let kind, let descriptor, _) = effect { mapped.append((kind, descriptor)) }
        }
        #expect(mapped.map(\.0) == [.rules, capabilities.contains(.rules) ? .claims : .whole])
        #expect(mapped.map(\.1) == [60, 61])
    }
}
