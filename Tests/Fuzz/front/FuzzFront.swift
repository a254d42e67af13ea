import FuzzRig
import Model
import Primitives
import Wire

/// What stands before a conversation, anything at all: headers of proxies are told as soon as they can be and the same
/// whatever follows them, and what our writers make of them reads as the same header; addresses read as what they are
/// written as; datagrams are the same in every split.
@main enum FuzzFront {
    static func main() { FuzzRig.run(fuzzFront) }

    static let limit = 300

    static func checkProxy(_ bytes: UnsafeRawBufferPointer, prefix: Int) {
        let whole = ProxyHeader.read(bytes.bytes, limit: limit)
        let part = ProxyHeader.read(UnsafeRawBufferPointer(rebasing: bytes[..<prefix]).bytes, limit: limit)
        precondition(part == .needMore || part == whole, "what was told is taken back")
        guard case .header(let header, let count) = whole else { return }
        precondition(count <= min(bytes.count, limit))
        precondition((header.source == nil) == (header.destination == nil))
        precondition(part == .needMore || prefix >= count, "a header was read before it was there")
        for isText in [true, false] { checkRoundTrip(header, isText: isText) }
    }

    private static func checkRoundTrip(_ header: ProxyHeader, isText: Bool) {
        withUnsafeTemporaryAllocation(byteCount: ProxyHeader.writtenBytesMax, alignment: 1) { target in
            var writer = ByteWriter(target)
            if isText { header.writeText(to: &writer) } else { header.writeBinary(to: &writer) }
            guard let count = writer.finished else { preconditionFailure("a header outgrew its bound") }
            let written = UnsafeRawBufferPointer(rebasing: target[..<count])
            precondition(
                ProxyHeader.read(written.bytes, limit: limit) == .header(header, byteCount: count),
                "what we wrote reads differently")
        }
    }

    static func checkAddress(_ bytes: UnsafeRawBufferPointer) {
        guard let address = AddressText.read(bytes.bytes, 0, bytes.count) else { return }
        withUnsafeTemporaryAllocation(byteCount: AddressText.byteCountMax, alignment: 1) { target in
            var writer = ByteWriter(target)
            AddressText.write(address, to: &writer)
            guard let count = writer.finished else { preconditionFailure("an address outgrew its bound") }
            let written = UnsafeRawBufferPointer(rebasing: target[..<count])
            precondition(AddressText.read(written.bytes, 0, count) == address, "what we wrote reads differently")
        }
    }

    static func datagrams(_ stream: UnsafeRawBufferPointer, _ pieces: Pieces) -> EventDigest {
        var reader = DatagramReader()
        var digest = EventDigest()
        pieces.forEach(in: stream.count) { range in
            let piece = UnsafeRawBufferPointer(rebasing: stream[range])
            var cursor = 0
            while true {
                let before = cursor
                guard case .piece(let offset, let count, let isLast) = reader.next(piece.bytes, &cursor) else {
                    precondition(cursor == piece.count, "bytes were left unread")
                    return true
                }
                precondition(offset >= before && offset + count == cursor && count <= reader.length)
                digest.add(1, of: 0, UnsafeRawBufferPointer(rebasing: piece[offset..<cursor]))
                if isLast { digest.add(2, UInt64(reader.length)) }
            }
        }
        digest.add(3, reader.isBetweenDatagrams ? 1 : 0)
        return digest
    }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFront(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let data, count >= 2 else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: data + 2, count: count - 2)
    switch data[0] & 3 {
    case 0, 1: FuzzFront.checkProxy(bytes, prefix: min(bytes.count, Int(data[1])))
    case 2: FuzzFront.checkAddress(bytes)
    default:
        let whole = FuzzFront.datagrams(bytes, .whole)
        for pieces in Pieces.all(data[1]) {
            precondition(FuzzFront.datagrams(bytes, pieces) == whole, "a split changed the datagrams")
        }
    }
    return 0
}
