import FuzzRig
import Model
import PlaneLink
import Primitives
import Wire

/// Relay messages, and what peers say first, anything at all: a message is read only when it is complete, the same whatever follows it, and what
/// our writers make of it reads as the same message.
@main enum FuzzRelay {
    static func main() { FuzzRig.run(fuzzRelay) }

    static let limit = 16_000

    static func checkRequest(_ bytes: UnsafeRawBufferPointer, prefix: Int) {
        let whole = RelayRequest.read(bytes.bytes, limit: limit)
        let part = RelayRequest.read(UnsafeRawBufferPointer(rebasing: bytes[..<prefix]).bytes, limit: limit)
        switch (whole, part) {
        case (.needMore(let total), .needMore(let totalOfPart)):
            precondition(totalOfPart == nil || totalOfPart == total)
            precondition(total == nil || total! > bytes.count)
        case (.message(let request, let count), .needMore(let total)):
            precondition(prefix < count && (total == nil || total == count))
            checkRoundTrip(request)
        case (.message(let request, let count), .message(_, let countOfPart)):
            precondition(count == countOfPart && count <= prefix)
            checkRoundTrip(request)
        case (.fault, .needMore): break
        case (.fault(let fault), .fault(let faultOfPart)): precondition(fault == faultOfPart)
        default: preconditionFailure("a prefix told more than the whole")
        }
    }

    private static func checkRoundTrip(_ request: RelayRequest) {
        withUnsafeTemporaryAllocation(byteCount: 2_048, alignment: 8) { first in
            guard let count = request.write(into: first) else { preconditionFailure("2,048 bytes are enough") }
            let written = UnsafeRawBufferPointer(rebasing: first[..<count])
            guard case .message(let again, let read) = RelayRequest.read(written.bytes, limit: limit), read == count
            else {
                preconditionFailure("what we wrote cannot be read")
            }
            precondition(again.command == request.command && again.network == request.network)
            precondition(again.user == request.user && again.password == request.password)
            precondition(again.source == request.source && again.destination == request.destination)
            precondition(again.tunnel == request.tunnel && again.recordMode == request.recordMode)
            withUnsafeTemporaryAllocation(byteCount: 2_048, alignment: 8) { second in
                let countAgain = again.write(into: second)
                precondition(countAgain == count && written.elementsEqual(second[..<count]))
            }
        }
        if case .name(let name)? = request.destination?.host {
            precondition(RelayAddress.isHostName(name) != request.destination!.isUnspecified)
        }
    }

    static func checkResponse(_ bytes: UnsafeRawBufferPointer) {
        guard case .message(let response, let count) = RelayResponse.read(bytes.bytes, limit: limit) else { return }
        precondition(count <= bytes.count)
        withUnsafeTemporaryAllocation(byteCount: 2_048, alignment: 8) { target in
            guard let written = response.write(into: target) else { preconditionFailure("2,048 bytes are enough") }
            let again = RelayResponse.read(UnsafeRawBufferPointer(rebasing: target[..<written]).bytes, limit: limit)
            guard case .message(let read, written) = again else { preconditionFailure("what we wrote cannot be read") }
            precondition(read.status == response.status && read.source == response.source)
            precondition(read.destination == response.destination && read.connector == response.connector)
        }
    }

    /// A peer's hello: the same whatever follows it, and what it says is written as it was read.
    static func checkHello(_ bytes: UnsafeRawBufferPointer) {
        guard case .hello(let hello, let count) = PeerHello.read(bytes.bytes) else { return }
        precondition(count <= bytes.count && count <= PeerHello.byteCountMax)
        guard case .needMore = PeerHello.read(UnsafeRawBufferPointer(rebasing: bytes[..<(count - 1)]).bytes) else {
            preconditionFailure("a hello that is not complete was read")
        }
        withUnsafeTemporaryAllocation(byteCount: PeerHello.byteCountMax, alignment: 8) { target in
            guard let written = hello.write(into: target),
                case .hello(let again, written) = PeerHello.read(UnsafeRawBufferPointer(target).bytes)
            else { preconditionFailure("what we wrote cannot be read") }
            precondition(again.node == hello.node && again.plane == hello.plane && again.wanted == hello.wanted)
            precondition(again.worker == hello.worker && again.epoch == hello.epoch)
        }
    }

    /// The head of a forwarded stream, likewise.
    static func checkForward(_ bytes: UnsafeRawBufferPointer) {
        guard case .header(let header, let count) = ForwardHeader.read(bytes) else { return }
        precondition(count <= bytes.count && count <= ForwardHeader.byteCountMax)
        withUnsafeTemporaryAllocation(byteCount: ForwardHeader.byteCountMax, alignment: 8) { target in
            guard let base = target.baseAddress else { return }
            let written = header.write(to: base)
            guard case .header(let again, written) = ForwardHeader.read(UnsafeRawBufferPointer(target)) else {
                preconditionFailure("what we wrote cannot be read")
            }
            precondition(again.tunnel == header.tunnel && again.isUDP == header.isUDP)
            precondition(again.source == header.source && again.destination == header.destination)
        }
    }

    /// A chunk of another control plane, and its head on a peer link: what was read is said in the same words.
    static func checkWords(_ bytes: UnsafeRawBufferPointer) {
        if case .header(let header) = WordsHeader.read(bytes.bytes, limit: PeerWords.bytesMax) {
            precondition(header.wordsCount > 0 && header.wordsCount <= PeerWords.bytesMax)
        }
        guard let words = try? PeerWords(Array(bytes)) else { return }
        var writer = PeerWordsWriter(epoch: words.epoch, list: words.list, number: words.number)
        for statement in words.statements {
            let isAdded = writer.add(statement)
            precondition(isAdded, "what was in a chunk does not fit into one")
        }
        precondition((try? PeerWords(writer.bytes)) == words, "what we wrote cannot be read")
    }

    /// Text as an address, and back.
    static func checkText(_ bytes: UnsafeRawBufferPointer) {
        guard let address = RelayAddress(String(decoding: bytes, as: UTF8.self)) else { return }
        guard address.socketAddress != nil else { return }
        precondition(RelayAddress(address.text) == address, "\(address.text) does not read as itself")
    }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRelay(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let data, count >= 2 else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: data + 2, count: count - 2)
    switch data[0] & 7 {
    case 0, 1: FuzzRelay.checkRequest(bytes, prefix: min(bytes.count, Int(data[1])))
    case 2: FuzzRelay.checkResponse(bytes)
    case 4: FuzzRelay.checkHello(bytes)
    case 5: FuzzRelay.checkForward(bytes)
    case 6: FuzzRelay.checkWords(bytes)
    default: FuzzRelay.checkText(UnsafeRawBufferPointer(rebasing: bytes.prefix(300)))
    }
    return 0
}
