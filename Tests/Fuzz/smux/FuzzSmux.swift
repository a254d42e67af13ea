import FuzzRig
import Primitives
import Wire

/// The inbound half of a smux session, fed with anything: every split gives the same events, and what our writers make
/// of the events reads as the same events.
@main enum FuzzSmux {
    static func main() { FuzzRig.run(fuzzSmux) }

    /// How a session is set up by the input's first byte.
    struct Setup {
        var version: UInt8?
        var speaksExtension: Bool

        init(_ byte: UInt8) {
            version = byte & 3 == 0 ? nil : byte & 3 == 1 ? 1 : 2
            speaksExtension = byte & 4 != 0
        }

        var reader: SmuxReader { SmuxReader(version: version, speaksExtension: speaksExtension) }
    }

    static func digest(_ setup: Setup, _ stream: UnsafeRawBufferPointer, _ pieces: Pieces) -> EventDigest {
        var reader = setup.reader
        var digest = EventDigest()
        pieces.forEach(in: stream.count) { range in
            let piece = UnsafeRawBufferPointer(rebasing: stream[range])
            var cursor = 0
            while true {
                let before = cursor
                let step = reader.next(piece.bytes, &cursor)
                precondition(cursor >= before && cursor <= piece.count, "the cursor left the bytes")
                switch step {
                case .needMore:
                    precondition(cursor == piece.count, "bytes were left unread")
                    return true
                case .data(let id, let offset, let count):
                    precondition(count > 0 && offset >= before && offset + count == cursor)
                    digest.add(1, of: UInt64(id), UnsafeRawBufferPointer(rebasing: piece[offset..<offset + count]))
                case .notice(let offset, let count, let isLast):
                    digest.add(2, of: 0, UnsafeRawBufferPointer(rebasing: piece[offset..<offset + count]))
                    if isLast { digest.add(3) }
                case .broken(let fault):
                    digest.add(4, UInt64(fault.rawValue))
                    return false
                default: add(step, to: &digest)
                }
            }
        }
        return digest
    }

    private static func add(_ step: SmuxStep, to digest: inout EventDigest) {
        switch step {
        case .open(let id): digest.add(5, UInt64(id))
        case .finish(let id): digest.add(6, UInt64(id))
        case .keepAlive: digest.add(7)
        case .window(let id, let consumed, let window): digest.add(8, UInt64(id), UInt64(consumed), UInt64(window))
        case .halfClose(let id): digest.add(9, UInt64(id))
        case .reset(let id, let reason): digest.add(10, UInt64(id), UInt64(reason))
        case .opened(let id): digest.add(11, UInt64(id))
        case .goAway: digest.add(12)
        case .instance(let number): digest.add(13, number)
        case .needMore, .data, .notice, .broken: preconditionFailure("handled before")
        }
    }

    /// Writes the events of `stream` with our writers; the writers' output is at most as long as the input plus the
    /// payloads' new headers.
    static func rewrite(
        _ setup: Setup, _ stream: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) -> Int {
        var reader = setup.reader
        var cursor = 0
        var end = 0
        func header(_ command: SmuxCommand, _ length: Int, _ id: UInt32) {
            SmuxHeader.write(
                to: target.baseAddress! + end, version: max(reader.version, 1), command: command,
                length: UInt16(length), stream: id)
            end += 8
        }
        func payload(_ offset: Int, _ count: Int) {
            UnsafeMutableRawBufferPointer(rebasing: target[end..<end + count])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: stream[offset..<offset + count]))
            end += count
        }
        while true {
            switch reader.next(stream.bytes, &cursor) {
            case .needMore, .broken: return end
            case .open(let id): header(.open, 0, id)
            case .finish(let id): header(.finish, 0, id)
            case .keepAlive: header(.keepAlive, 0, 0)
            case .halfClose(let id): header(.halfClose, 0, id)
            case .opened(let id): header(.opened, 0, id)
            case .goAway: header(.goAway, 0, 0)
            case .data(let id, let offset, let count):
                header(.data, count, id)
                payload(offset, count)
            case .notice(let offset, let count, let isLast):
                // A text cut off by the input's end cannot be written whole.
                guard isLast else { return end }
                header(.notice, count, 0)
                payload(offset, count)
            case .window(let id, let consumed, let window):
                SmuxWindowUpdate.write(to: target.baseAddress! + end, stream: id, consumed: consumed, window: window)
                // A version 1 peer may send updates too; ours never does.
                target[end] = reader.version
                end += SmuxWindowUpdate.byteCount
            case .reset(let id, let reason):
                SmuxReset.write(to: target.baseAddress! + end, version: reader.version, stream: id, reason: reason)
                end += SmuxReset.byteCount
            case .instance(let number):
                SmuxInstance.write(to: target.baseAddress! + end, version: reader.version, instance: number)
                end += SmuxInstance.byteCount
            }
        }
    }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSmux(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let data, count >= 2 else { return 0 }
    let setup = FuzzSmux.Setup(data[0])
    let stream = UnsafeRawBufferPointer(start: data + 2, count: count - 2)
    let whole = FuzzSmux.digest(setup, stream, .whole)
    for pieces in Pieces.all(data[1]) {
        precondition(FuzzSmux.digest(setup, stream, pieces) == whole, "a split changed the events")
    }
    withUnsafeTemporaryAllocation(byteCount: count * 2 + 32, alignment: 8) { target in
        let end = FuzzSmux.rewrite(setup, stream, into: target)
        let written = UnsafeRawBufferPointer(rebasing: target[..<end])
        withUnsafeTemporaryAllocation(byteCount: end * 2 + 32, alignment: 8) { again in
            let endAgain = FuzzSmux.rewrite(setup, written, into: again)
            precondition(end == endAgain && written.elementsEqual(again[..<endAgain]), "writing is not stable")
        }
    }
    return 0
}
