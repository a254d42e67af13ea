internal import CLinux
package import Operations
internal import Primitives

/// Lets a thread without a loop wake one: resolver, signals. The loop gets a `.woken` completion with `token`.
///
/// An eventfd that is written and never read: both shells watch its edges. The last `signal` before a completion is
/// never lost; several may become one.
package final class ExternalWake: Sendable {
    /// The completion's token; its kind is `.woken`, its slot tells it from other wakes.
    package let token: Token
    let descriptor: Int32

    /// How many of them one loop may have.
    package static let countMax = 8

    /// `slot` (not 0, that is the workers' own wake) comes back in the completion's token. Throws when the process has
    /// no descriptor left.
    package init(slot: UInt32) throws(ShellFault) {
        precondition(slot > 0, "slot 0 is the wake between workers")
        token = Token(.woken, slot: slot, generation: 0)
        descriptor = try Wakes.makeDescriptor()
    }

    deinit { close(descriptor) }

    /// From any thread, at any time.
    package func signal() { _ = culvert_wake(descriptor) }
}

/// Whom one loop wakes and who wakes it: descriptors of the other workers, and of threads without a loop.
struct Wakes: BitwiseCopyable {
    /// What a worker's wake carries.
    static var token: Token { @_noLocks get { Token(.woken, slot: 0, generation: 0) } }
    static var workersMax: Int { @_noLocks get { 256 } }

    private var workers = InlineArray<256, Int32>(repeating: -1)
    private var descriptors = InlineArray<8, Int32>(repeating: -1)
    private var tokens = InlineArray<8, UInt64>(repeating: 0)
    /// External wakes.
    private(set) var count = 0

    mutating func connect(_ descriptors: [Int32]) {
        precondition(descriptors.count <= Wakes.workersMax)
        for (index, descriptor) in descriptors.enumerated() { workers[index] = descriptor }
    }

    /// Returns the new one's index.
    mutating func attach(_ wake: ExternalWake) -> Int {
        precondition(count < ExternalWake.countMax)
        descriptors[count] = wake.descriptor
        tokens[count] = wake.token.raw
        count += 1
        return count - 1
    }

    /// The wake descriptor of worker `index`.
    @_noLocks
    func worker(_ index: UInt32) -> Int32 {
        precondition(index < UInt32(Wakes.workersMax))
        let descriptor = workers[Int(index)]
        precondition(descriptor >= 0, "a worker that is not connected was woken")
        return descriptor
    }

    @_noLocks
    func descriptor(_ index: Int) -> Int32 { descriptors[index] }
    @_noLocks
    func token(_ index: Int) -> Token { Token(raw: tokens[index]) }

    static func makeDescriptor() throws(ShellFault) -> Int32 {
        let descriptor = culvert_eventfd()
        guard descriptor >= 0 else { throw ShellFault(call: .eventfd, error: -descriptor) }
        return descriptor
    }
}
