import FuzzRig
import Primitives
import Wire

/// First messages of TLS, anything at all: nothing that was told is taken back when more bytes come, a hello ends where
/// its bytes do, and the same message cut into other records is the same hello.
@main enum FuzzTLS {
    static func main() { FuzzRig.run(fuzzTLS) }

    static let limit = 600

    /// Name and protocols; nil where there is no hello.
    static func digest(_ bytes: UnsafeRawBufferPointer) -> (digest: EventDigest, byteCount: Int)? {
        guard case .hello(let hello) = ClientHello.read(bytes.bytes, limit: limit) else { return nil }
        precondition(hello.byteCount <= min(bytes.count, limit))
        var digest = EventDigest()
        digest.add(1, UInt64(hello.version), hello.namesAddress ? 1 : 0)
        hello.serverName.withBytes { digest.add(2, of: 0, $0) }
        var protocols = hello.applicationProtocols
        var count = 0
        while let name = protocols?.next(bytes.bytes) {
            precondition(!name.isEmpty)
            digest.add(3, UInt64(name.count))
            name.withBytes { digest.add(4, of: 0, $0) }
            count += 1
        }
        precondition(hello.applicationProtocols == nil || count > 0)
        return (digest, hello.byteCount)
    }

    static func checkPrefix(_ bytes: UnsafeRawBufferPointer, prefix: Int) {
        let part = UnsafeRawBufferPointer(rebasing: bytes[..<prefix])
        switch (ClientHello.read(part.bytes, limit: limit), ClientHello.read(bytes.bytes, limit: limit)) {
        case (.needMore, _): break
        case (.fault(let fault), .fault(let whole)): precondition(fault == whole)
        case (.hello(let hello), .hello(let whole)): precondition(hello.byteCount == whole.byteCount)
        default: preconditionFailure("what was told is taken back")
        }
    }

    /// Cuts a message that stands in one record into two.
    static func checkCut(_ bytes: UnsafeRawBufferPointer, at cut: Int) {
        guard let (whole, end) = digest(bytes), end + 5 <= limit else { return }
        let first = Int(bytes[3]) << 8 | Int(bytes[4])
        guard first + 5 == end, cut > 0, cut < first else { return }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: end + 5, alignment: 1)
        defer { memory.deallocate() }
        var writer = ByteWriter(memory)
        writer.copy(bytes.bytes, 0, 3)
        writer.big16(UInt16(cut))
        writer.copy(bytes.bytes, 5, 5 + cut)
        writer.copy(bytes.bytes, 0, 3)
        writer.big16(UInt16(first - cut))
        writer.copy(bytes.bytes, 5 + cut, end)
        guard let (again, endAgain) = digest(UnsafeRawBufferPointer(memory)) else {
            preconditionFailure("cut in two it is no hello any more")
        }
        precondition(again == whole && endAgain == end + 5)
    }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTLS(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let data, count >= 2 else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: data + 2, count: count - 2)
    let number = Int(data[0]) << 8 | Int(data[1])
    FuzzTLS.checkPrefix(bytes, prefix: min(bytes.count, number & 511))
    FuzzTLS.checkCut(bytes, at: number & 511)
    return 0
}
