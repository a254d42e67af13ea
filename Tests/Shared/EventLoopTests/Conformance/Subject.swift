import CLinux
import EventLoop
import Operations
import Primitives
import Testing

/// The shells that the conformance suite runs over.
enum Subject: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case ring, poll, simulated

    var testDescription: String { rawValue }

    /// Those that talk to the real kernel.
    static let kernels: [Subject] = [.ring, .poll]

    func makeLoop(buffers: BufferGeometry, datagrams: BufferGeometry? = nil) throws -> any LoopUnderTest {
        switch self {
        case .ring: try KernelLoop(.ring, buffers: buffers) { $0.datagramBuffers = datagrams }
        case .poll: try KernelLoop(.poll, buffers: buffers) { $0.datagramBuffers = datagrams }
        case .simulated: SimulatedLoop(buffers: buffers, datagrams: datagrams)
        }
    }
}

/// A shell with what a test needs around it: sockets that listen, connected pairs, files.
protocol LoopUnderTest: AnyObject {
    func submit(_ queue: inout OperationQueue)
    /// Waits for a completion, at most so long. Returns how long it was, by the shell's own clock.
    func wait(milliseconds: UInt64) -> UInt64
    func next() -> Completion?
    func listen(_ family: DialFamily, backlog: Int32) -> Listener
    /// A socket that receives datagrams at a loopback address; `isDual`: one of IPv6 that takes IPv4 as well.
    func bindDatagram(_ family: DialFamily, isDual: Bool) -> Listener
    func pair() -> (left: Int32, right: Int32)
    func file(_ bytes: [UInt8]) -> Int32
}

/// A listening socket and how to reach it.
struct Listener {
    let descriptor: Int32
    let address: DialAddress
}

/// A loop over the real kernel.
final class KernelLoop: LoopUnderTest {
    var shell: Shell

    init(_ choice: ShellChoice, buffers: BufferGeometry, adjust: (inout ShellConfiguration) -> Void = { _ in }) throws {
        var configuration = ShellConfiguration(buffers: buffers)
        configuration.submissionEntries = 256
        configuration.completionEntries = 1_024
        configuration.descriptorsMax = 32_768
        adjust(&configuration)
        shell = try Shell(choice, configuration)
    }

    func submit(_ queue: inout OperationQueue) { shell.submit(&queue) }

    func wait(milliseconds: UInt64) -> UInt64 {
        let start = Clock.now()
        shell.waitForCompletions(until: start.advanced(milliseconds: milliseconds), now: start)
        return Clock.now().milliseconds(since: start)
    }

    func next() -> Completion? { shell.next() }

    func listen(_ family: DialFamily, backlog: Int32) -> Listener { KernelSockets.listen(family, backlog: backlog) }
    func bindDatagram(_ family: DialFamily, isDual: Bool) -> Listener {
        KernelSockets.bindDatagram(family, isDual: isDual)
    }
    func pair() -> (left: Int32, right: Int32) { KernelSockets.pair() }
    func file(_ bytes: [UInt8]) -> Int32 { KernelSockets.file(bytes) }
}

extension DialAddress {
    mutating func setPath(_ bytes: [UInt8]) {
        precondition(bytes.count <= 108)
        for (index, byte) in bytes.enumerated() { path[index] = byte }
        pathCount = UInt8(bytes.count)
    }
}
