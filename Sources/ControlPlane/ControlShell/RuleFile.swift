internal import CLinux
internal import ControlCore
internal import Glibc
internal import Model
internal import Settings

/// Why a file of rules cannot be used.
struct RuleFileFault: Error, Equatable, Sendable {
    /// Place in the list of ingresses; nil: it is not about one of them.
    var ingress: Int?
    var text: String
    /// Of the content: reading it again before it changes is of no use.
    var isFinal: Bool
}

/// One file of host rules, open: read twice, once to judge and count it, once into a table. Pieces are read, nothing is
/// mapped: a file that is cut short meanwhile ends early and is no fault of memory.
final class RuleFile {
    /// Bytes of one piece.
    private static let pieceBytes = 1 << 18

    let ingress: Int
    let path: String
    private let descriptor: Int32
    private(set) var count = RuleCount()

    /// Opens the file and judges every line.
    init(_ path: String, of ingress: Int) throws(RuleFileFault) {
        self.ingress = ingress
        self.path = path
        // A FIFO's writer is not waited for.
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw RuleFileFault(ingress: ingress, text: SystemFault("read", path).text, isFinal: false)
        }
        var counted = RuleCount()
        try read { host, _ in counted.add(hostBytes: host.count) }
        count = counted
        guard counted.rules <= ControlLimit.rulesMax else {
            throw RuleFileFault(
                ingress: ingress, text: "\(path) has more than \(ControlLimit.rulesMax) rules", isFinal: true)
        }
    }

    deinit { close(descriptor) }

    /// Calls `body` for every rule, from the beginning.
    func read(_ body: (UnsafeRawBufferPointer, Route) -> Void) throws(RuleFileFault) {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: RuleFile.pieceBytes, alignment: 16)
        defer { room.deallocate() }
        var reader = RuleTextReader()
        var offset = 0
        while true {
            let count = pread(descriptor, room.baseAddress, room.count, off_t(offset))
            guard count >= 0 else { throw fault(SystemFault("read", path).text, isFinal: false) }
            guard count > 0 else { break }
            offset += count
            guard offset <= ControlLimit.ruleFileBytesMax else {
                throw fault("\(path) is larger than \(ControlLimit.ruleFileBytesMax) bytes", isFinal: true)
            }
            do throws(RuleTextReader.Problem) {
                try reader.read(UnsafeRawBufferPointer(rebasing: room[..<count]), body)
            } catch {
                throw fault("\(path):\(error.line): \(error.message)", isFinal: true)
            }
        }
        do throws(RuleTextReader.Problem) {
            try reader.finish(body)
        } catch {
            throw fault("\(path):\(error.line): \(error.message)", isFinal: true)
        }
    }

    private func fault(_ text: String, isFinal: Bool) -> RuleFileFault {
        RuleFileFault(ingress: ingress, text: text, isFinal: isFinal)
    }
}
