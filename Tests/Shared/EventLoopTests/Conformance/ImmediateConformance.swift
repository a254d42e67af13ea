import CLinux
import EventLoop
import Operations
import Primitives
import Testing

/// The kinds that are done when they are submitted.
@Suite struct ImmediateConformance {
    @Test(arguments: Subject.allCases)
    func randomBytes(subject: Subject) throws {
        let rig = try Rig(subject)
        let room = rig.place(bytes: [UInt8](repeating: 0, count: 64))
        rig.emit(.randomBytes, address: room, length: 64)
        _ = rig.turn(milliseconds: 0)
        let bytes = UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: room), count: 64)
        // 64 zero bytes by chance: once in 2 to the 512.
        #expect(bytes.contains { $0 != 0 })
    }

    @Test(arguments: Subject.allCases)
    func aFileIsMappedAndUnmapped(subject: Subject) throws {
        let rig = try Rig(subject)
        let bytes = pattern(10_000)
        let mapped = rig.place(MappedFile())
        let descriptor = rig.loop.file(bytes)
        // It completes before what the kernel completes, even when that was submitted first.
        let (left, right) = rig.loop.pair()
        rig.emit(.send, on: left, address: rig.place(bytes: [1]), length: 1)
        let map = rig.emit(.mapFile, on: descriptor, address: UInt(bitPattern: mapped))
        let completion = rig.completion(of: map)
        #expect(completion.result == 0)
        #expect(mapped.pointee.byteCount == 10_000)
        let start = UnsafeRawPointer(bitPattern: mapped.pointee.address)
        #expect(UnsafeRawBufferPointer(start: start, count: 10_000).elementsEqual(bytes))
        rig.emit(.unmapFile, address: mapped.pointee.address, argument: mapped.pointee.byteCount)
        // The descriptor was closed. Of the real kernel's, another test may have the number by now.
        if subject == .simulated { #expect(rig.result(of: rig.emit(.close, on: descriptor)) == -EBADF) }
        rig.close(left, right)
    }

    @Test(arguments: Subject.allCases)
    func filesThatCannotBeMapped(subject: Subject) throws {
        let rig = try Rig(subject)
        let mapped = UInt(bitPattern: rig.place(MappedFile()))
        #expect(rig.result(of: rig.emit(.mapFile, on: 31_111, address: mapped)) == -EBADF)
        let empty = rig.loop.file([])
        #expect(rig.result(of: rig.emit(.mapFile, on: empty, address: mapped)) == -EINVAL)
        if subject == .simulated { #expect(rig.result(of: rig.emit(.close, on: empty)) == -EBADF) }
    }

    /// Memory that was given back reads as zeros, and what lies beside it stays.
    @Test(arguments: Subject.allCases)
    func memoryIsReleased(subject: Subject) throws {
        let rig = try Rig(subject)
        let memory = try BufferMemory(byteCount: 3 * 16_384)
        let bytes = UnsafeMutableRawBufferPointer(
            start: UnsafeMutableRawPointer(bitPattern: memory.base), count: 3 * 16_384)
        for index in bytes.indices { bytes[index] = 7 }
        rig.emit(.releaseMemory, address: memory.base + 16_384, length: 16_384)
        _ = rig.turn(milliseconds: 0)
        #expect(bytes[..<16_384].allSatisfy { $0 == 7 })
        #expect(bytes[16_384..<32_768].allSatisfy { $0 == 0 })
        #expect(bytes[32_768...].allSatisfy { $0 == 7 })
    }
}
