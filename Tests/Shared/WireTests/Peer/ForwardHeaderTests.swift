import Testing

@testable import Model
@testable import Primitives
@testable import Wire

/// The head of a forwarded stream and the number that refuses one.
@Suite struct ForwardHeaderTests {
    private static let header = ForwardHeader(
        tunnel: TunnelID(high: 5, low: 6), isUDP: true, source: SocketAddress(ipv4: 0xCB00_7107, port: 51_000),
        destination: RelayAddress(name: InlineText("shop.example")!, port: 80))

    private static var whole: [UInt8] {
        writing(ForwardHeader.byteCountMax) { header.write(to: $0.baseAddress!) }!
    }

    @Test func itIsReadInEverySplit() {
        let bytes = Self.whole + Array("GET /".utf8)
        for count in 0...bytes.count {
            switch bytes.prefix(count).withUnsafeBytes({ ForwardHeader.read($0) }) {
            case .needMore: #expect(count < Self.whole.count)
            case .header(let header, let byteCount):
                #expect(count >= Self.whole.count && byteCount == Self.whole.count)
                #expect(header.tunnel == Self.header.tunnel && header.isUDP)
                #expect(header.source == Self.header.source && header.destination == Self.header.destination)
            case .looped, .fault: Issue.record("\(count) bytes are refused")
            }
        }
    }

    private func isFault(_ place: Int, _ value: UInt8) -> Bool {
        var bytes = Self.whole
        bytes[place] = value
        guard case .fault = bytes.withUnsafeBytes({ ForwardHeader.read($0) }) else { return false }
        return true
    }

    @Test func aSecondHopIsSeen() {
        for hops in 2...255 as ClosedRange<UInt8> {
            var bytes = Self.whole
            bytes[0] = hops
            guard case .looped = bytes.withUnsafeBytes({ ForwardHeader.read($0) }) else {
                Issue.record("\(hops) hops pass")
                return
            }
        }
        #expect(isFault(0, 0) && isFault(1, 2))
        // The stream header behind: version, status.
        #expect(isFault(18, 2) && isFault(19, 5))
        var nobody = Self.header
        nobody.tunnel = .zero
        let bytes = writing(ForwardHeader.byteCountMax) { nobody.write(to: $0.baseAddress!) }!
        guard case .fault = bytes.withUnsafeBytes({ ForwardHeader.read($0) }) else {
            Issue.record("the tunnel of nobody is accepted")
            return
        }
    }

    @Test func refusalsAreNumbers() {
        for worker in [nil, 0, 1, 63] as [Int?] {
            for isUntouched in [true, false] {
                let refusal = ForwardRefusal(.tunnelOffline, worker: worker, isUntouched: isUntouched)
                #expect(ForwardRefusal(code: refusal.code) == refusal)
            }
        }
        // A reset of a client carries its reason only.
        #expect(ForwardRefusal(code: UInt32(Reason.dialFailed.rawValue)).reason == Reason.dialFailed.rawValue)
        #expect(ForwardRefusal(code: UInt32(Reason.dialFailed.rawValue)).worker == nil)
    }
}
