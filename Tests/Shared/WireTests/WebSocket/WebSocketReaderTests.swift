import Testing

@testable import Primitives
@testable import Wire

/// What a reader makes of pieces, for tests.
struct FrameReading: Equatable {
    enum Event: Equatable {
        case payload([UInt8])
        case ping([UInt8]), pong([UInt8])
        case close(UInt16)
        case broken(WebSocketFault)
    }

    var events: [Event] = []

    static func of(
        _ pieces: [[UInt8]], role: WebSocketReader.Role, compacting: Bool = false
    ) -> FrameReading {
        var reading = FrameReading()
        var reader = WebSocketReader(role: role)
        for piece in pieces {
            var memory = piece
            var cursor = 0
            var end = 0
            var isOver = false
            while !isOver {
                let step = memory.withUnsafeMutableBytes {
                    compacting ? reader.nextCompacting($0, &cursor, to: &end) : reader.next($0, &cursor)
                }
                switch step {
                case .needMore: isOver = true
                case .payload(let offset, let count): reading.add(Array(memory[offset..<offset + count]))
                case .ping: reading.events.append(.ping(control(reader)))
                case .pong: reading.events.append(.pong(control(reader)))
                case .close(let code):
                    reading.events.append(.close(code))
                    return reading
                case .broken(let fault):
                    reading.events.append(.broken(fault))
                    return reading
                }
            }
        }
        return reading
    }

    private static func control(_ reader: WebSocketReader) -> [UInt8] {
        writing(125) { reader.copyControlPayload(to: $0.baseAddress!) } ?? []
    }

    private mutating func add(_ bytes: [UInt8]) {
        if case .payload(let before)? = events.last {
            events[events.count - 1] = .payload(before + bytes)
        } else {
            events.append(.payload(bytes))
        }
    }
}

/// One frame, written by our writer and masked when a key is given.
func frame(_ opcode: WebSocketOpcode, _ payload: [UInt8], isFinal: Bool = true, key: UInt32? = nil) -> [UInt8] {
    let size = WebSocketHeader.byteCount(payload: payload.count, masked: key != nil)
    var memory = [UInt8](repeating: 0, count: size) + payload
    memory.withUnsafeMutableBytes { target in
        let written = WebSocketHeader.write(
            to: target.baseAddress!, opcode: opcode, isFinal: isFinal, payload: payload.count, key: key)
        precondition(written == size)
        if let key { Mask.apply(target.baseAddress! + size, count: payload.count, key: key) }
    }
    return memory
}

@Suite struct WebSocketReaderTests {
    private let key: UInt32 = 0x78D2_35A9

    @Test func everyLengthFormIsReadBack() {
        for count in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let expected = count == 0 ? [] : [FrameReading.Event.payload(payload)]
            #expect(FrameReading.of([frame(.binary, payload, key: key)], role: .server).events == expected)
            #expect(FrameReading.of([frame(.binary, payload)], role: .client).events == expected)
        }
    }

    /// Fragments, control frames between them, empty messages, text: in every split, in both roles, compacting or not.
    @Test(arguments: [WebSocketReader.Role.server, .client], [false, true])
    func everySplitReadsTheSame(role: WebSocketReader.Role, compacting: Bool) {
        let key = role == .server ? key : nil
        let stream =
            frame(.binary, bytes("hello "), isFinal: false, key: key) + frame(.ping, bytes("are you there"), key: key)
            + frame(.continuation, [], isFinal: false, key: key) + frame(.continuation, bytes("world"), key: key)
            + frame(.text, bytes("!"), key: key) + frame(.pong, [], key: key) + frame(.binary, [], key: key)
            + frame(.binary, (0..<150).map { $0 }, key: key) + frame(.close, [0x03, 0xE8] + bytes("bye"), key: key)
        let expected: [FrameReading.Event] = [
            .payload(bytes("hello ")), .ping(bytes("are you there")), .payload(bytes("world!")), .pong([]),
            .payload((0..<150).map { $0 }), .close(1000),
        ]
        for pieces in cuts(of: stream) {
            #expect(FrameReading.of(pieces, role: role, compacting: compacting).events == expected)
        }
    }

    @Test func compactingMakesOneRun() {
        let parts = (0..<20).map { index in (0..<index * 13).map { UInt8(truncatingIfNeeded: $0 &+ index) } }
        var memory = parts.flatMap { frame(.binary, $0, key: key) }
        var reader = WebSocketReader(role: .server)
        var cursor = 0
        var end = 0
        while true {
            let step = memory.withUnsafeMutableBytes { reader.nextCompacting($0, &cursor, to: &end) }
            guard case .payload(let offset, let count) = step else { break }
            #expect(offset + count == end)
        }
        #expect(cursor == memory.count)
        #expect(Array(memory[..<end]) == parts.flatMap { $0 })
    }

    @Test(arguments: [
        ("c0 80 00000000", WebSocketFault.reservedBits), ("a0 80 00000000", .reservedBits),
        ("92 80 00000000", .reservedBits), ("83 80 00000000", .unknownOpcode), ("8b 80 00000000", .unknownOpcode),
        ("82 00", .notMasked), ("09 80 00000000", .fragmentedControl), ("89 fe 007e 00000000", .longControl),
        ("80 80 00000000", .unexpectedContinuation), ("00 80 00000000", .unexpectedContinuation),
        ("02 80 00000000 82 80 00000000", .missingContinuation),
        ("02 80 00000000 01 80 00000000", .missingContinuation),
        ("82 fe 007d 00000000", .badLength), ("82 ff 000000000000ffff 00000000", .badLength),
        ("82 ff 8000000000000000 00000000", .badLength), ("88 81 00000000 03", .badCloseFrame),
        ("88 82 00000000 0000", .badCloseFrame), ("88 82 00000000 03ed", .badCloseFrame),
        ("88 82 00000000 03ee", .badCloseFrame), ("88 82 00000000 0bb7", .badCloseFrame),
    ])
    func faults(stream: String, fault: WebSocketFault) {
        for pieces in [[hex(stream)], hex(stream).map { [$0] }] {
            #expect(FrameReading.of(pieces, role: .server).events == [.broken(fault)])
        }
    }

    @Test func aClientsPeerMustNotMask() {
        #expect(FrameReading.of([hex("82 80 00000000")], role: .client).events == [.broken(.masked)])
    }

    @Test func faultsAndClosesLast() {
        var reader = WebSocketReader(role: .client)
        var memory = hex("8800 8201ff")
        var cursor = 0
        let first = memory.withUnsafeMutableBytes { reader.next($0, &cursor) }
        let second = memory.withUnsafeMutableBytes { reader.next($0, &cursor) }
        #expect(first == .close(code: 1005))
        #expect(second == .close(code: 1005))
        #expect(cursor == 2)
    }

    @Test func closeFramesAreWritten() {
        for key in [nil, self.key] {
            let written = writing(8) { WebSocketClose.write(to: $0.baseAddress!, code: 1002, key: key) }!
            let reading = FrameReading.of([written], role: key == nil ? .client : .server)
            #expect(reading.events == [.close(1002)])
        }
    }

    @Test func isSmall() { #expect(MemoryLayout<WebSocketReader>.size <= 192) }
}
