import Testing

@testable import Model
@testable import Primitives
@testable import Wire

/// The vectors of protocol relay §11, both ways and in every split, and what makes a message invalid.
@Suite struct RelayMessageTests {
    private static let tunnel = "38 14 33 e1 79 80 11 ee bb db 60 f2 62 c1 e3 2d"
    private let tunnelID = TunnelID("381433e1-7980-11ee-bbdb-60f262c1e32d")!

    private func request(_ bytes: [UInt8]) -> RelayRequest? {
        guard case .message(let request, let count) = RelayRequest.read(bytes.span.bytes, limit: 16_000),
            count == bytes.count
        else { return nil }
        return request
    }

    private func fault(_ bytes: [UInt8], limit: Int = 16_000) -> RelayFault? {
        guard case .fault(let fault) = RelayRequest.read(bytes.span.bytes, limit: limit) else { return nil }
        return fault
    }

    static let bind = hex(
        "01 02 00 2b 02 00 07 01 0a 00 00 05 d4 31 02 00 07 01 00 00 00 00 00 00 03 00 14 \(tunnel) 00 00 00 00")
    static let oldBind = hex(
        "01 02 00 28 02 00 07 01 0a 00 00 05 d4 31 02 00 04 03 00 00 00 03 00 14 \(tunnel) 00 00 00 00")
    static let udpBind = hex(
        "01 82 00 3d 04 00 02 00 01 01 00 0a 04 75 73 65 72 04 70 61 73 73 02 00 07 01 0a 00 00 05 d4 31"
            + "02 00 07 01 00 00 00 00 00 00 03 00 14 \(tunnel) 00 00 00 ff")
    static let connect = hex(
        "01 01 00 34 02 00 07 01 c0 a8 01 09 9c 40 02 00 10 03 0c 73 65 72 76 69 63 65 2e 68 6f 73 74 00 00"
            + "03 00 14 \(tunnel) 00 00 00 00")
    static let metadata = hex("05 00 18 00 01 00 0b 72 65 63 6f 72 64 2e 6d 6f 64 65 00 07 68 65 61 64 65 72 73")

    @Test(arguments: [bind, oldBind, udpBind, connect]) func vectorsAreReadAndWritten(vector: [UInt8]) throws {
        let read = try #require(request(vector))
        #expect(read.tunnel?.tunnelID == tunnelID)
        #expect(writing(2_048, read.write(into:)) == vector)
        for count in 0..<vector.count {
            let prefix = Array(vector[..<count])
            guard case .needMore(let total) = RelayRequest.read(prefix.span.bytes, limit: 16_000) else {
                Issue.record("\(count)")
                continue
            }
            #expect(total == (count < 4 ? nil : vector.count))
        }
        guard case .message(_, let count) = RelayRequest.read((vector + [1, 2, 3]).span.bytes, limit: 16_000) else {
            Issue.record("what follows a request is not its business")
            return
        }
        #expect(count == vector.count)
    }

    @Test func vectorsMeanWhatTheySay() throws {
        let first = try #require(request(Self.bind))
        #expect(first.command == .bind)
        #expect(first.network == .tcp)
        #expect(!first.hasUserAuth)
        #expect(first.source == RelayAddress("10.0.0.5:54321"))
        #expect(first.destination?.isUnspecified == true)
        let second = try #require(request(Self.oldBind))
        #expect(second.destination == .empty)
        let third = try #require(request(Self.udpBind))
        #expect(third.network == .udp)
        #expect(third.user.string == "user")
        #expect(third.password.string == "pass")
        #expect(third.tunnel?.weight == 255)
        let fourth = try #require(request(Self.connect))
        #expect(fourth.command == .connect)
        #expect(fourth.destination?.text == "service.host:0")
    }

    @Test func theFlagAloneDoesNotMeanUDP() throws {
        var marked = Self.bind
        marked[1] = 0x82
        let read = try #require(request(marked))
        #expect(read.network == .tcp)
        #expect(read.command == .bind)
    }

    @Test func metadata() throws {
        var message = Self.bind + Self.metadata
        message[3] = UInt8(message.count - 4)
        let read = try #require(request(message))
        #expect(read.recordMode.string == "headers")
        #expect(writing(2_048, read.write(into:)) == message)
    }

    private func message(_ features: [UInt8], command: UInt8 = 2) -> [UInt8] {
        [1, command, UInt8(features.count >> 8), UInt8(features.count & 255)] + features
    }

    @Test func unknownFeaturesAreSkipped() throws {
        let read = try #require(request(message(hex("77 00 03 010203") + Array(Self.bind[4...]) + hex("00 00 00"))))
        #expect(read.tunnel?.tunnelID == tunnelID)
    }

    @Test func shortTunnelFeaturesAreAccepted() throws {
        for count in 16...25 {
            let data = hex(Self.tunnel) + [1, 0, 0x25, 200, 9, 9, 9, 9, 9].prefix(count - 16)
            let read = try #require(request(message([3, 0, UInt8(count)] + data)))
            #expect(read.tunnel?.tunnelID == tunnelID)
            #expect(read.tunnel?.flags == (count > 16 ? 1 : 0))
            #expect(read.tunnel?.weight == (count > 19 ? 200 : 0))
            #expect(read.tunnel?.capabilities.rawValue == (count > 18 ? 0x25 : 0))
        }
        #expect(fault(message([3, 0, 15] + hex(Self.tunnel).dropLast())) == .badTunnel)
    }

    @Test func capabilitiesAreBelievedOnlyWithTheUpperByteZero() {
        #expect(RelayCapabilities(wire: 0x003F) == .all)
        #expect(RelayCapabilities(wire: 0x00FF) == .all, "unknown capabilities are left out")
        #expect(RelayCapabilities(wire: 0x013F) == [])
        #expect(RelayCapabilities(wire: 0x8000) == [])
        #expect(RelayCapabilities.all.agreed(with: [.opened, .goAway]) == [.opened, .goAway])
        #expect(RelayCapabilities.all == [.halfClose, .reset, .opened, .goAway, .instance, .notice])
    }

    @Test func lastOccurrencesWin() throws {
        let tcp = hex("04 00 02 00 00")
        let udp = hex("04 00 02 00 01")
        let addresses = hex("02 00 07 01 01010101 0001 02 00 07 01 02020202 0002 02 00 07 01 03030303 0003")
        let read = try #require(request(message(udp + tcp + udp + addresses)))
        #expect(read.network == .udp)
        #expect(read.source?.text == "1.1.1.1:1")
        #expect(read.destination?.text == "3.3.3.3:3")
        #expect(read.tunnel == nil)
    }

    @Test func faults() {
        #expect(fault([2]) == .wrongVersion)
        #expect(fault([0, 1, 0, 0]) == .wrongVersion)
        #expect(fault([1, 1, 0xFF, 0xFF]) == .tooLong)
        #expect(fault(Self.bind, limit: 46) == .tooLong)
        #expect(fault(message([9])) == .truncatedFeature)
        #expect(fault(message([9, 0])) == .truncatedFeature)
        #expect(fault(message([9, 0, 1])) == .truncatedFeature)
        #expect(fault(message([9, 0, 2, 0])) == .truncatedFeature)
        #expect(fault(message([1, 0, 1, 0])) == .badUserAuth)
        #expect(fault(message([1, 0, 2, 1, 0])) == .badUserAuth)
        #expect(fault(message([1, 0, 3, 1, 0x61, 1])) == .badUserAuth)
        #expect(fault(message([2, 0, 4, 2, 0, 0, 0])) == .badAddress)
        #expect(fault(message([2, 0, 6, 1, 1, 1, 1, 1, 0])) == .badAddress)
        #expect(fault(message([2, 0, 4, 3, 1, 0, 0])) == .badAddress)
        #expect(fault(message([2, 0, 0])) == .badAddress)
        #expect(fault(message([4, 0, 1, 1])) == .badNetwork)
        #expect(fault(message([5, 0, 1, 1])) == .badMetadata)
        #expect(fault(message([5, 0, 4, 0, 1, 0, 9])) == .badMetadata)
        #expect(fault(message(Array(repeating: [9, 0, 0], count: 64).flatMap { $0 })) == nil)
        #expect(fault(message(Array(repeating: [9, 0, 0], count: 65).flatMap { $0 })) == .tooManyFeatures)
    }

    @Test func emptyCredentialsAndTrailingBytesAreLegal() throws {
        let read = try #require(request(message([1, 0, 5, 0, 0, 9, 9, 9])))
        #expect(read.hasUserAuth)
        #expect(read.user.isEmpty)
        #expect(read.password.isEmpty)
    }

    @Test func otherCommandsAreKept() throws {
        for number: UInt8 in 0...15 {
            let read = try #require(request([1, number | 0x70, 0, 0]))
            #expect(read.command.number == number)
            #expect((read.command == .other(number)) == (number != 1 && number != 2))
        }
    }

    // MARK: Responses

    @Test func bindResponse() throws {
        let vector = hex(
            "01 00 00 2e 02 00 14 03 10 62 37 64 65 38 38 61 39 34 37 32 39 62 39 33 31 00 00"
                + "03 00 14 6b a7 b8 11 9d ad 41 d1 80 b4 00 c0 4f d4 30 c8 00 00 00 00")
        guard case .message(let response, let count) = RelayResponse.read(vector.span.bytes, limit: 16_000) else {
            Issue.record("not read")
            return
        }
        #expect(count == vector.count)
        #expect(response.status == 0)
        #expect(response.source?.text == "b7de88a94729b931:0")
        #expect(response.connector?.connectorID == ConnectorID("6ba7b811-9dad-41d1-80b4-00c04fd430c8"))
        #expect(writing(100, response.write(into:)) == vector)
        #expect(writing(49, response.write(into:)) == nil)
    }

    @Test func bareResponses() {
        for status in RelayStatus.allCases {
            let written = writing(4) { RelayResponse(status).write(into: $0) }
            #expect(written == [1, status.rawValue, 0, 0])
            #expect(withUnsafeBytes(of: status.bareResponse.littleEndian) { Array($0) } == written)
        }
    }

    /// The example of protocol mux §6.
    @Test func streamHeader() {
        let expected = hex(
            """
            01 00 00 2c 02 00 07 01 cb 00 71 07 c7 38
            02 00 1f 03 1b 62 37 64 65 38 38 61 39 34 37 32 39 62 39 33 31 2e 67 6f 73 74 2e 6c 6f 63 61 6c 00 50
            """)
        let source = SocketAddress(ipv4: 0xCB00_7107, port: 51_000)
        let written = writing(StreamHeader.byteCountMax) { target in
            bytes("b7de88a94729b931.gost.local").withUnsafeBytes {
                StreamHeader.write(to: target.baseAddress!, source: source, host: $0, port: 80)
            }
        }
        #expect(written == expected)
        for count in 0...expected.count {
            let prefix = Array(expected[..<count])
            switch StreamHeader.read(prefix.span.bytes, limit: 16_000) {
            case .needMore(let total): #expect(count < expected.count && (total == nil || total == expected.count))
            case .header(let header, let byteCount):
                #expect(byteCount == expected.count)
                #expect(header.source == source)
                #expect(header.destination?.text == "b7de88a94729b931.gost.local:80")
            default: Issue.record("\(count)")
            }
        }
    }

    @Test func streamHeadersThatAreNone() {
        func read(_ bytes: [UInt8]) -> StreamHeader.Step { StreamHeader.read(bytes.span.bytes, limit: 16_000) }
        guard case .refused(5) = read([1, 5, 0, 0]) else {
            Issue.record("status 5")
            return
        }
        guard case .fault(.wrongVersion) = read([2, 0, 0, 0]) else {
            Issue.record("version 2")
            return
        }
        guard case .header(let bare, 4) = read([1, 0, 0, 0]), bare.source == .unknown, bare.destination == nil else {
            Issue.record("no addresses")
            return
        }
        let named = hex("01 00 00 08 02 00 05 03 01 61 00 50")
        guard case .header(let header, 12) = read(named), header.source == .unknown else {
            Issue.record("a name is no visitor's address")
            return
        }
    }

    @Test func theLongestStreamHeaderFits() {
        let source = SocketAddress(high: 1, low: 2, port: 3)
        let written = writing(StreamHeader.byteCountMax) { target in
            [UInt8](repeating: 0x61, count: 255).withUnsafeBytes {
                StreamHeader.write(to: target.baseAddress!, source: source, host: $0, port: 80)
            }
        }
        #expect(written?.count == StreamHeader.byteCountMax)
    }

    @Test(arguments: [
        ("381433e1-7980-11ee-bbdb-60f262c1e32d", "b7de88a94729b931"),
        ("893787fd-fcd2-46a0-8dd4-f9103ae84df4", "134c714b65d54a4f"),
        ("f8baa731-4057-4300-ab75-c4e603834f1b", "f1bbbb4aa9d9868a"),
        ("4d21094e-b74c-4916-86c1-d9fa36ea677b", "a6265c6d9847a4be"),
        ("00000000-0000-0000-0000-000000000001", "c96589eefb0828c0"),
    ])
    func endpoints(tunnel: String, label: String) throws {
        #expect(Endpoint.label(of: try #require(TunnelID(tunnel))).string == label)
    }
}
