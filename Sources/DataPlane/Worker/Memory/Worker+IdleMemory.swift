import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// After a burst the memory of buffers goes back to the system. Buffers are taken last-in-first-out, so that those at the
// bottom of the stack were not needed as long as it was higher than they are; what was not needed for a while goes, a few
// buffers at a time, so that nobody waits for it.

extension Worker {
    /// How long buffers must not have been needed.
    private static var idleMilliseconds: UInt64 { @_noLocks get { 5_000 } }
    /// Buffers given back at a time, and how long until the next ones.
    private static var releasedAtOnceMax: Int { @_noLocks get { 32 } }
    private static var releasePauseMilliseconds: UInt64 { @_noLocks get { 20 } }
    /// Free buffers that keep their memory.
    private static var buffersKept: Int { @_noLocks get { 16 } }

    /// When idle memory is looked at next; never where there is none.
    var memoryDeadline: Tick {
        @_noLocks get { buffers.buffersToSpare(reserve: Worker.buffersKept) > 0 ? nextMemoryLook : .never }
    }

    /// Once per turn.
    @_noLocks
    mutating func releaseIdleMemory() {
        guard now >= nextMemoryLook else { return }
        var count = 0
        while count < Worker.releasedAtOnceMax, let buffer = buffers.takeIdle(reserve: Worker.buffersKept) {
            operations.append(
                Operation(
                    .releaseMemory, token: Token(raw: 0), descriptor: -1,
                    address: UInt(bitPattern: buffers.pointer(buffer: buffer, offset: 0)),
                    length: UInt32(BufferStore.stride)))
            count += 1
        }
        if count == Worker.releasedAtOnceMax {
            nextMemoryLook = now.advanced(milliseconds: Worker.releasePauseMilliseconds)
        } else {
            buffers.beginLook()
            nextMemoryLook = now.advanced(milliseconds: Worker.idleMilliseconds)
        }
    }
}
