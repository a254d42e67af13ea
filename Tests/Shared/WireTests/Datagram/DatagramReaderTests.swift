import Testing

@testable import Model
@testable import Primitives
@testable import Wire

@Suite struct DatagramReaderTests {
    /// Reads pieces one after another and puts the datagrams together.
    private func datagrams(_ pieces: [[UInt8]]) -> (whole: [[UInt8]], isBetween: Bool) {
        var reader = DatagramReader()
        var all: [[UInt8]] = []
        var open: [UInt8] = []
        for piece in pieces {
            var cursor = 0
            while case .piece(let offset, let count, let isLast) = reader.next(piece.span.bytes, &cursor) {
                open += piece[offset..<offset + count]
                guard isLast else { continue }
                #expect(open.count == reader.length)
                all.append(open)
                open = []
            }
            #expect(cursor == piece.count)
        }
        return (all, reader.isBetweenDatagrams)
    }

    @Test func everySplit() {
        let stream = hex("0003 616263 0000 0001 78 0100") + [UInt8](repeating: 9, count: 256)
        let expected = [bytes("abc"), [], bytes("x"), [UInt8](repeating: 9, count: 256)]
        for pieces in cuts(of: stream) {
            let read = datagrams(pieces)
            #expect(read.whole == expected && read.isBetween)
        }
    }

    @Test func endsInsideADatagramAreTold() {
        #expect(datagrams([]).isBetween)
        for count in 1..<5 {
            let read = datagrams([Array(hex("0003 616263")[..<count])])
            #expect(read.whole.isEmpty && !read.isBetween)
        }
    }

    @Test func longestDatagram() {
        let payload = (0..<65_535).map { UInt8(truncatingIfNeeded: $0) }
        #expect(datagrams([[0xFF, 0xFF] + payload]).whole == [payload])
    }

    @Test(arguments: [(0, "0000"), (1, "0001"), (258, "0102"), (65_535, "ffff")])
    func headers(count: Int, expected: String) {
        let written = writing(DatagramHeader.byteCount) {
            DatagramHeader.write(to: $0.baseAddress!, payload: count)
            return DatagramHeader.byteCount
        }
        #expect(written == hex(expected))
    }

    /// What the reference implementation's visitor and client sent, one datagram each way, and what it is in our words.
    @Test func capturedConversations() throws {
        for direction in ["c2s", "s2c"] {
            try checkCaptured("e-rudp-visitor", direction, stream: 0)
            try checkCaptured("e-rudp-bind", direction == "c2s" ? "c2s" : "s2c", stream: 3)
        }
    }

    private func checkCaptured(_ name: String, _ direction: String, stream wanted: UInt32) throws {
        var reader = ConversationReader(for: .named(name), direction: direction)
        reader.feed(Vector.named(name).bytes(direction))
        var carried: [UInt8] = []
        for case .data(wanted, let piece) in reader.events { carried += piece }
        if wanted != 0, direction == "s2c" {
            // The stream's header stands before the first datagram.
            guard case .message(_, let count) = RelayResponse.read(carried.span.bytes, limit: 16_000) else {
                Issue.record("no stream header in \(name)")
                return
            }
            carried.removeFirst(count)
        }
        try #require(!carried.isEmpty)
        let read = datagrams([carried])
        #expect(read.whole.count == 1 && read.isBetween)
        var again: [UInt8] = []
        for datagram in read.whole {
            again += try #require(
                writing(DatagramHeader.byteCount) {
                    DatagramHeader.write(to: $0.baseAddress!, payload: datagram.count)
                    return DatagramHeader.byteCount
                })
            again += datagram
        }
        #expect(again == carried)
        for pieces in cuts(of: carried) { #expect(datagrams(pieces).whole == read.whole) }
    }
}
