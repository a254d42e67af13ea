internal import CLinux
internal import ControlCore
internal import Glibc

/// The routing table as a sealed memory file, written once per generation and passed to every data plane.
final class TableFile {
    let descriptor: Int32
    let generation: UInt64
    let count: Int

    /// Writes the core's table as it is now.
    init(_ core: ControlCore) throws(SystemFault) {
        generation = core.generation
        count = core.routeCount
        let bytes = core.tableBytes
        let descriptor = culvert_memfd("culvert-routes")
        guard descriptor >= 0 else { throw SystemFault("make", "the file of the routing table") }
        do throws(SystemFault) {
            guard ftruncate(descriptor, off_t(bytes)) == 0 else {
                throw SystemFault("make room for", "the routing table (\(bytes) bytes)")
            }
            let mapped = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
            guard let mapped, mapped != UnsafeMutableRawPointer(bitPattern: -1) else {
                throw SystemFault("map", "the routing table")
            }
            let memory = UnsafeMutableRawBufferPointer(start: mapped, count: bytes)
            let used = core.writeTable(into: memory, seed: ControlClock.random())
            precondition(used == bytes, "the size of the table was counted wrongly")
            // A file with a writable mapping cannot be sealed.
            munmap(mapped, bytes)
            guard culvert_seal(descriptor) == 0 else { throw SystemFault("seal", "the routing table") }
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }
}
