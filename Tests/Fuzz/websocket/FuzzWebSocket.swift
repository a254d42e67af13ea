import FuzzRig
import Primitives
import Wire

/// Inbound WebSocket frames, anything at all: every split gives the same events, moved down or in place, and what our
/// writers make of the payload reads as the same payload.
@main enum FuzzWebSocket {
    static func main() { FuzzRig.run(fuzzWebSocket) }

    static func digest(
        _ role: WebSocketReader.Role, _ stream: UnsafeRawBufferPointer, _ pieces: Pieces, compacting: Bool
    ) -> EventDigest {
        var reader = WebSocketReader(role: role)
        var digest = EventDigest()
        pieces.forEach(in: stream.count) { range in
            // Memory of exactly this size, so that the sanitizer sees every byte read or written beside it.
            let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: range.count, alignment: 1)
            defer { piece.deallocate() }
            piece.copyMemory(from: UnsafeRawBufferPointer(rebasing: stream[range]))
            var cursor = 0
            var end = 0
            while true {
                let before = cursor
                let step = compacting ? reader.nextCompacting(piece, &cursor, to: &end) : reader.next(piece, &cursor)
                precondition(cursor >= before && cursor <= piece.count && end <= cursor, "the cursor left the bytes")
                switch step {
                case .needMore:
                    precondition(cursor == piece.count, "bytes were left unread")
                    return true
                case .payload(let offset, let count):
                    precondition(count > 0 && offset + count <= cursor)
                    digest.add(1, of: 0, UnsafeRawBufferPointer(rebasing: piece[offset..<offset + count]))
                case .ping: add(2, reader, to: &digest)
                case .pong: add(3, reader, to: &digest)
                case .close(let code):
                    digest.add(4, UInt64(code))
                    return false
                case .broken(let fault):
                    digest.add(5, UInt64(fault.rawValue))
                    return false
                }
            }
        }
        return digest
    }

    private static func add(_ kind: UInt8, _ reader: WebSocketReader, to digest: inout EventDigest) {
        withUnsafeTemporaryAllocation(byteCount: 125, alignment: 1) { scratch in
            let count = reader.copyControlPayload(to: scratch.baseAddress!)
            precondition(count == reader.controlPayloadCount)
            digest.add(kind, UInt64(count))
            digest.add(kind &+ 100, of: 0, UnsafeRawBufferPointer(rebasing: scratch[..<count]))
        }
    }

    /// Writes `payload` as one masked or plain frame and reads it back.
    static func checkRoundTrip(_ role: WebSocketReader.Role, _ payload: UnsafeRawBufferPointer, key: UInt32) {
        let key: UInt32? = role == .server ? key : nil
        let size = WebSocketHeader.byteCount(payload: payload.count, masked: key != nil)
        let frame = UnsafeMutableRawBufferPointer.allocate(byteCount: size + payload.count, alignment: 1)
        defer { frame.deallocate() }
        let written = WebSocketHeader.write(to: frame.baseAddress!, opcode: .binary, payload: payload.count, key: key)
        precondition(written == size)
        if !payload.isEmpty {
            UnsafeMutableRawBufferPointer(rebasing: frame[size...]).copyMemory(from: payload)
            if let key { Mask.apply(frame.baseAddress! + size, count: payload.count, key: key) }
        }
        var expected = EventDigest()
        expected.add(1, of: 0, payload)
        precondition(digest(role, UnsafeRawBufferPointer(frame), .whole, compacting: false) == expected)
    }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzWebSocket(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let data, count >= 2 else { return 0 }
    let role: WebSocketReader.Role = data[0] & 1 == 0 ? .server : .client
    let stream = UnsafeRawBufferPointer(start: data + 2, count: count - 2)
    let whole = FuzzWebSocket.digest(role, stream, .whole, compacting: false)
    precondition(FuzzWebSocket.digest(role, stream, .whole, compacting: true) == whole, "moving changed the events")
    for pieces in Pieces.all(data[1]) {
        let compacting = data[0] & 2 == 0
        precondition(
            FuzzWebSocket.digest(role, stream, pieces, compacting: compacting) == whole, "a split changed the events")
    }
    FuzzWebSocket.checkRoundTrip(role, stream, key: UInt32(data[1]) &* 0x0101_8F35)
    return 0
}
