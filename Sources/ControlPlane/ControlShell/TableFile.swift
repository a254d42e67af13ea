internal import CLinux
internal import ControlCore
internal import Glibc

/// A routing table as a sealed memory file, written once and passed to every data plane.
final class TableFile: Sendable {
    let descriptor: Int32
    /// Bytes of the file.
    let byteCount: Int

    /// A file of at most `bytes`, zeroed, which `fill` writes into; it gives how many of them it used.
    init<Fault: Error>(
        bytes: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Fault) -> Int, or fault: (SystemFault) -> Fault
    ) throws(Fault) {
        let descriptor = culvert_memfd("culvert-routes")
        guard descriptor >= 0 else { throw fault(SystemFault("make", "the file of a routing table")) }
        do throws(Fault) {
            guard ftruncate(descriptor, off_t(bytes)) == 0 else {
                throw fault(SystemFault("make room for", "a routing table (\(bytes) bytes)"))
            }
            let mapped = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
            guard let mapped, mapped != UnsafeMutableRawPointer(bitPattern: -1) else {
                throw fault(SystemFault("map", "a routing table"))
            }
            // A file with a writable mapping cannot be sealed.
            defer { munmap(mapped, bytes) }
            byteCount = try fill(UnsafeMutableRawBufferPointer(start: mapped, count: bytes))
        } catch {
            close(descriptor)
            throw error
        }
        guard ftruncate(descriptor, off_t(byteCount)) == 0, culvert_seal(descriptor) == 0 else {
            let sealing = SystemFault("seal", "a routing table")
            close(descriptor)
            throw fault(sealing)
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }
}

/// The core's table at one generation.
struct WrittenTable {
    let file: TableFile
    let generation: UInt64
    let isWhole: Bool
    let count: Int

    /// Writes the core's table as it is now.
    init(_ core: ControlCore, whole: Bool) throws(SystemFault) {
        generation = core.generation
        isWhole = whole
        count = core.routeCount - (whole ? 0 : core.rules.count)
        let bytes = core.tableBytes(whole: whole)
        file = try TableFile(bytes: bytes) { memory throws(SystemFault) in
            let used = core.writeTable(into: memory, whole: whole)
            precondition(used == bytes, "the size of the table was counted wrongly")
            return used
        } or: {
            $0
        }
    }
}
