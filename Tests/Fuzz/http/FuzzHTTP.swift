import FuzzRig
import Model
import Primitives
import Wire

/// HTTP/1.x heads and bodies, anything at all: what a prefix says the whole confirms, every split of a body gives the
/// same content, and a rewritten head reads as the same message, needing no further rewriting.
@main enum FuzzHTTP {
    static func main() { FuzzRig.run(fuzzHTTP) }

    /// The limit that is reached now and then.
    static let limit = 600

    // MARK: Bodies

    struct BodyDigest: Equatable {
        var content = EventDigest()
        /// Framing bytes passed on; unknown after a fault.
        var framing = 0
    }

    static func digest(_ framing: HTTPFraming, _ stream: UnsafeRawBufferPointer, _ pieces: Pieces) -> BodyDigest {
        var body = HTTPBody(framing)
        var digest = BodyDigest()
        if body.isDone { return digest }
        pieces.forEach(in: stream.count) { range in
            let piece = UnsafeRawBufferPointer(rebasing: stream[range])
            var cursor = 0
            while true {
                let before = cursor
                let step = body.next(piece.bytes, &cursor)
                precondition(cursor >= before && cursor <= piece.count, "the cursor left the bytes")
                switch step {
                case .needMore:
                    precondition(cursor == piece.count, "bytes were left unread")
                    return true
                case .data(let offset, let count):
                    precondition(count > 0 && offset == before && offset + count == cursor)
                    digest.content.add(1, of: 0, UnsafeRawBufferPointer(rebasing: piece[offset..<offset + count]))
                case .framing(let offset, let count):
                    precondition(count > 0 && offset == before && offset + count == cursor)
                    digest.framing += count
                case .end:
                    digest.content.add(2, UInt64(range.lowerBound + cursor))
                    return false
                case .fault(let fault):
                    digest.content.add(3, UInt64(fault.rawValue))
                    digest.framing = -1
                    return false
                }
            }
        }
        return digest
    }

    static func checkBody(_ framing: HTTPFraming, _ stream: UnsafeRawBufferPointer, seed: UInt8) {
        let whole = digest(framing, stream, .whole)
        for pieces in Pieces.all(seed) {
            precondition(digest(framing, stream, pieces) == whole, "a split changed the body")
        }
        var body = HTTPBody(framing)
        var cursor = 0
        if case .run(let offset, let count, let isLast) = body.pass(stream.bytes, &cursor) {
            precondition(offset == 0 && count == cursor && cursor <= stream.count)
            precondition(isLast == body.isDone && (isLast || count == stream.count))
            precondition(whole.framing >= 0)
        } else {
            precondition(whole.framing == -1)
        }
    }

    // MARK: Requests

    static func checkRequest(_ bytes: UnsafeRawBufferPointer, seed: UInt8) {
        let whole = HTTPRequestHead.read(bytes.bytes, limit: limit)
        for prefix in [Int(seed), Int(seed) * 2, bytes.count - 1] where prefix >= 0 && prefix < bytes.count {
            let part = HTTPRequestHead.read(UnsafeRawBufferPointer(rebasing: bytes[..<prefix]).bytes, limit: limit)
            switch (whole, part) {
            case (.head(let head), .head(let other)):
                precondition(
                    head.byteCount == other.byteCount && head.framing == other.framing && prefix >= head.byteCount)
            case (.head(let head), .needMore): precondition(prefix < head.byteCount)
            case (.fault(let fault), .fault(let other)):
                precondition(fault == other || prefix >= limit, "a prefix was refused for another reason")
            case (_, .needMore): break
            default: preconditionFailure("a prefix told more than the whole")
            }
        }
        guard case .head(let head) = whole else { return }
        precondition(head.byteCount <= min(limit, bytes.count))
        let rest = UnsafeRawBufferPointer(rebasing: bytes[head.byteCount...])
        checkBody(head.framing, rest, seed: seed)
        _ = WebSocketUpgrade.judge(head, bytes.bytes, path: InlineText())
        // Without a host there is no route, and nothing is rewritten.
        if !head.host.isEmpty, Int(head.fields.fieldCount) < HTTPFieldSum.fieldsMax - 5 {
            checkRewriting(head, bytes, seed: seed)
        }
    }

    private static func checkRewriting(_ head: HTTPRequestHead, _ bytes: UnsafeRawBufferPointer, seed: UInt8) {
        withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 8) { first in
            let source = SocketAddress(ipv4: 0xC000_0201, port: 1)
            let forwarding = seed & 1 == 0 ? nil : HTTPForwarding(source: source, isTrusted: seed & 2 == 0)
            let none = UnsafeRawBufferPointer(start: nil, count: 0)
            guard
                let count = HTTPRequestRewriter.write(
                    head, bytes.bytes, options: [], forwarding: forwarding, extra: none, into: first)
            else { preconditionFailure("4,096 bytes are enough") }
            let growth = forwarding == nil ? 0 : HTTPForwarding.growthBytesMax + Int(head.host.count)
            precondition(count <= head.byteCount + 64 + Int(head.host.count) + growth, "longer than promised")
            let written = UnsafeRawBufferPointer(rebasing: first[..<count])
            guard case .head(let again) = HTTPRequestHead.read(written.bytes, limit: 4_096), again.byteCount == count
            else {
                preconditionFailure("what we wrote cannot be read")
            }
            precondition(again.method == head.method && again.framing == head.framing && again.minor == 1)
            precondition(again.asksUpgrade == head.asksUpgrade && again.form != .absolute)
            let host = UnsafeRawBufferPointer(rebasing: bytes[head.host.lower..<head.host.upper])
            precondition(written[again.host.lower..<again.host.upper].elementsEqual(host), "another host")
            precondition(again.passesUnchanged, "what we wrote would have to be rewritten")
            // What a stranger wrote is gone, and goes again: only a trusted proxy's list grows.
            if forwarding?.isTrusted != true { checkStability(again, written, forwarding) }
        }
    }

    /// A head that passed as it was may hold `Connection: keep-alive`, which goes when a head is taken apart; after that
    /// nothing changes any more.
    private static func checkStability(
        _ head: HTTPRequestHead, _ written: UnsafeRawBufferPointer, _ forwarding: HTTPForwarding?
    ) {
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 8) { second in
            guard
                let count = HTTPRequestRewriter.write(
                    head, written.bytes, options: [], forwarding: forwarding, extra: none, into: second)
            else { preconditionFailure("what was written once does not fit again") }
            precondition(count <= written.count, "a rewritten head grows")
            let again = UnsafeRawBufferPointer(rebasing: second[..<count])
            guard case .head(let last) = HTTPRequestHead.read(again.bytes, limit: 4_096), last.byteCount == count
            else { preconditionFailure("what we wrote twice cannot be read") }
            withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 8) { third in
                let same = HTTPRequestRewriter.write(
                    last, again.bytes, options: [], forwarding: forwarding, extra: none, into: third)
                precondition(
                    same == count && third[..<count].elementsEqual(again), "rewriting is not stable")
            }
        }
    }

    // MARK: Answers

    static func checkAnswer(_ bytes: UnsafeRawBufferPointer, mode: UInt8, seed: UInt8) {
        let method: HTTPMethod = mode & 0x10 == 0 ? .get : .head
        let asked = mode & 0x20 != 0
        func read(_ bytes: UnsafeRawBufferPointer, _ limit: Int) -> HTTPAnswerHead.Step {
            HTTPAnswerHead.read(bytes.bytes, limit: limit, method: method, askedUpgrade: asked)
        }
        let whole = read(bytes, limit)
        for prefix in [Int(seed), bytes.count - 1] where prefix >= 0 && prefix < bytes.count {
            switch (whole, read(UnsafeRawBufferPointer(rebasing: bytes[..<prefix]), limit)) {
            case (.head(let head), .head(let other)): precondition(head.byteCount == other.byteCount)
            case (.head(let head), .needMore): precondition(prefix < head.byteCount)
            case (.fault(let fault), .fault(let other)): precondition(fault == other || prefix >= limit)
            case (_, .needMore): break
            default: preconditionFailure("a prefix told more than the whole")
            }
        }
        guard case .head(let head) = whole else { return }
        checkBody(head.framing, UnsafeRawBufferPointer(rebasing: bytes[head.byteCount...]), seed: seed)
        withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 8) { target in
            let closes = seed & 1 == 1
            let none = UnsafeRawBufferPointer(start: nil, count: 0)
            guard
                let count = HTTPAnswerRewriter.write(
                    head, bytes.bytes, options: closes ? .close : [], extra: none, into: target)
            else { preconditionFailure("4,096 bytes are enough") }
            precondition(count <= head.byteCount + 64, "longer than promised")
            let written = UnsafeRawBufferPointer(rebasing: target[..<count])
            guard Int(head.fields.fieldCount) < HTTPFieldSum.fieldsMax - 2 else { return }
            guard case .head(let again) = read(written, 4_096), again.byteCount == count else {
                preconditionFailure("what we wrote cannot be read")
            }
            precondition(again.status == head.status && again.framing == head.framing && again.minor == 1)
            if !head.isInterim, !head.isUpgrade {
                precondition(again.keepsConnection == (!closes && head.framing != .untilClose))
                if again.upgrade.isEmpty {
                    precondition(again.passesUnchanged(keepsVisitor: !closes, visitorMinor: 1))
                }
            }
        }
    }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTP(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let data, count >= 2 else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: data + 2, count: count - 2)
    switch data[0] & 3 {
    case 0, 1: FuzzHTTP.checkRequest(bytes, seed: data[1])
    case 2: FuzzHTTP.checkAnswer(bytes, mode: data[0], seed: data[1])
    default: FuzzHTTP.checkBody(.chunked, bytes, seed: data[1])
    }
    return 0
}
