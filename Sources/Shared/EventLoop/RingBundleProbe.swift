internal import CLiburing
internal import CLinux

/// Whether the running kernel fills several provided buffers by one receive the way the loop understands it: in the order
/// of the ring, each to its end, naming the first. Tried once per ring, on a pair of sockets.
enum RingBundleProbe {
    private static let room = 64
    private static let count: UInt32 = 4

    static func passes() -> Bool {
        var ring = io_uring()
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: room * Int(count), alignment: 8)
        defer { memory.deallocate() }
        let geometry = BufferGeometry(
            base: UInt(bitPattern: memory.baseAddress), strideBytes: UInt32(room), headroomBytes: 0,
            payloadBytes: UInt32(room), count: count)
        var configuration = ShellConfiguration(buffers: geometry)
        configuration.submissionEntries = 8
        configuration.completionEntries = 16
        guard (try? RingSetup.open(&ring, configuration: configuration)) != nil else { return false }
        defer { io_uring_queue_exit(&ring) }
        guard ring.features & CULVERT_FEATURE_BUNDLE != 0,
            var provided = try? ProvidedRing(&ring, geometry: geometry, group: ProvidedRing.group)
        else { return false }
        // Not in the order of their numbers, so that the order of the ring shows.
        for id in [2, 0, 3, 1] as [UInt32] { provided.provide(id) }
        provided.publish()
        return receives(&ring, provided, memory)
    }

    /// Two and a half buffers' worth of bytes that are there when they are asked for: every buffer is filled to its end
    /// before the next one of the ring, whichever of them are told by one completion.
    private static func receives(
        _ ring: inout io_uring, _ provided: borrowing ProvidedRing, _ memory: UnsafeMutableRawBufferPointer
    ) -> Bool {
        var pair: [Int32] = [-1, -1]
        guard culvert_socket_pair(&pair) == 0 else { return false }
        defer { for descriptor in pair { _ = culvert_close(descriptor) } }
        let sent = (0..<(room * 5 / 2)).map { UInt8(truncatingIfNeeded: $0) }
        guard culvert_write(pair[1], sent, sent.count) == sent.count, let entry = culvert_entry(&ring) else {
            return false
        }
        culvert_prep_receive(entry, pair[0], 1, 1, ProvidedRing.group, 1)
        var received: [UInt8] = []
        var bundled = false
        while received.count < sent.count {
            guard culvert_enter(&ring, 0, 1, 1_000_000_000) >= 0, culvert_ready(&ring) > 0,
                let completion = culvert_completion(&ring, 0)
            else { return false }
            var rest = Int(completion.pointee.res)
            let flags = completion.pointee.flags
            culvert_advance(&ring, 1)
            guard rest > 0, flags & UInt32(IORING_CQE_F_BUFFER) != 0 else { return false }
            bundled = bundled || rest > room
            var id = flags >> 16
            while rest > 0 {
                guard id < count else { return false }
                let start = Int(id) * room
                received += memory[start..<(start + min(rest, room))]
                rest -= room
                id = provided.following(id)
            }
        }
        return bundled && received == sent
    }
}
