internal import CLinux
internal import Operations
internal import Primitives

/// What operations mean to the kernel: the calls that both shells make at once, and the kernel's structs in the room
/// that operation memory keeps for them.
enum OperationCalls {
    /// Performs a kind that is done when it is submitted. True when it was one; `result` then is its completion's,
    /// nil when the kind has none.
    static func performAtOnce(_ operation: Operation, result: inout Int32?) -> Bool {
        result = nil
        switch operation.kind {
        case .peerAddress:
            readPeer(of: operation.descriptor, to: operation.address)
        case .randomBytes:
            let room = UnsafeMutableRawPointer(bitPattern: operation.address)
            precondition(culvert_random(room, Int(operation.length)) != 0, "the kernel has no randomness")
        case .mapFile:
            result = mapFile(operation.descriptor, to: operation.address)
        case .unmapFile:
            precondition(culvert_unmap(operation.address, operation.argument) == 0, "unmapped what was never mapped")
        case .releaseMemory:
            precondition(culvert_release_memory(operation.address, operation.argument) == 0, "not whole pages of ours")
        default:
            return false
        }
        return true
    }

    private static func readPeer(of descriptor: Int32, to address: UInt) {
        let peer = pointer(to: PeerAddress.self, at: address)
        var found = PeerAddress()
        if culvert_peer(descriptor, &found.high, &found.low, &found.port) != 0 {
            peer.pointee = found
        } else {
            peer.pointee = PeerAddress()
        }
    }

    private static func mapFile(_ descriptor: Int32, to address: UInt) -> Int32 {
        var start: UInt = 0
        var count: UInt64 = 0
        let result = culvert_map_file(descriptor, &start, &count)
        let mapped = pointer(to: MappedFile.self, at: address)
        mapped.pointee.address = start
        mapped.pointee.byteCount = count
        return result
    }

    /// The header of the gathered send at `address`, kept in its own room.
    static func header(ofVectorAt address: UInt) -> UnsafeMutablePointer<msghdr> {
        let vector = pointer(to: SendVector.self, at: address)
        let count = vector.pointee.count
        precondition(count > 0)
        precondition(count <= UInt32(SendVector.capacity))
        let ranges = UnsafeMutableRawPointer(bitPattern: address + MemoryRooms.vectorRanges)
        let room = UnsafeMutableRawPointer(bitPattern: address)
        return culvert_header(room, ranges, Int(count), nil, 0).unsafelyUnwrapped
    }

    /// The header of the descriptor message at `address`: packed with its descriptors to send, or with room to receive.
    static func header(ofMessageAt address: UInt, sending: Bool) -> UnsafeMutablePointer<msghdr> {
        let message = pointer(to: DescriptorMessage.self, at: address)
        let count = message.pointee.descriptorCount
        precondition(count <= UInt32(DescriptorMessage.descriptorsMax))
        let room = UnsafeMutableRawPointer(bitPattern: address)
        let range = UnsafeMutableRawPointer(bitPattern: address + MemoryRooms.messageRange)
        let control = UnsafeMutableRawPointer(bitPattern: address + MemoryRooms.messageControl)
        let controlBytes = sending ? MemoryRooms.controlBytes(descriptors: count) : MemoryRooms.controlBytesMax
        let header = culvert_header(room, range, 1, control, controlBytes).unsafelyUnwrapped
        if sending { culvert_pack_descriptors(header, descriptors(ofMessageAt: address), count) }
        return header
    }

    /// After a receive: the descriptors that came, in their places.
    static func takeDescriptors(ofMessageAt address: UInt) {
        let message = pointer(to: DescriptorMessage.self, at: address)
        let header = UnsafeMutableRawPointer(bitPattern: address)?.assumingMemoryBound(to: msghdr.self)
        message.pointee.descriptorCount = culvert_unpack_descriptors(
            header, descriptors(ofMessageAt: address), UInt32(DescriptorMessage.descriptorsMax))
    }

    private static func descriptors(ofMessageAt address: UInt) -> UnsafeMutablePointer<Int32> {
        pointer(to: Int32.self, at: address + MemoryRooms.messageDescriptors)
    }

    /// Writes the socket address of the dial address at `address` into its room. Returns where it is and its
    /// length.
    static func socketAddress(of address: UInt) -> (room: UnsafeRawPointer, count: UInt32, isUnix: Bool) {
        let dial = pointer(to: DialAddress.self, at: address)
        let room = UnsafeMutableRawPointer(bitPattern: address + MemoryRooms.dialStorage).unsafelyUnwrapped
        let count: UInt32
        let isUnix = dial.pointee.family == DialFamily.unix.rawValue
        switch DialFamily(rawValue: dial.pointee.family) {
        case .ipv4:
            count = culvert_address4(room, UInt32(truncatingIfNeeded: dial.pointee.low), dial.pointee.port)
        case .ipv6:
            count = culvert_address6(room, dial.pointee.high, dial.pointee.low, dial.pointee.port)
        case .unix:
            precondition(dial.pointee.pathCount <= 108)
            let path = UnsafePointer<UInt8>(bitPattern: address + MemoryRooms.dialPath)
            count = culvert_address_unix(room, path, UInt32(dial.pointee.pathCount))
        case nil:
            preconditionFailure("a dial address of no family")
        }
        dial.pointee.storageCount = count
        return (UnsafeRawPointer(room), count, isUnix)
    }

    /// The kernel's number of a dial family, from an operation's `length`.
    static func domain(_ family: UInt32) -> Int32 {
        switch DialFamily(rawValue: family) {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        case nil: preconditionFailure("a socket of no family")
        }
    }

    /// The kernel's number of a shutdown, from an operation's `length`.
    static func direction(_ length: UInt32) -> Int32 {
        precondition(length == 1 || length == 2)
        return length == 1 ? Int32(SHUT_WR) : Int32(SHUT_RDWR)
    }

    private static func pointer<Memory>(to type: Memory.Type, at address: UInt) -> UnsafeMutablePointer<Memory> {
        precondition(address != 0)
        return UnsafeMutablePointer<Memory>(bitPattern: address).unsafelyUnwrapped
    }
}

/// Where the rooms for kernel structs lie in operation memory; `OperationMemoryTests` compares them with the structs.
enum MemoryRooms {
    static let vectorRanges: UInt = 72
    static let messageRange: UInt = 64
    static let messageControl: UInt = 80
    static let messageDescriptors: UInt = 272
    static let dialPath: UInt = 24
    static let dialStorage: UInt = 136

    /// All of the control room: 32 descriptors need 144 bytes.
    static let controlBytesMax = 144

    /// Control bytes for `descriptors` descriptors (`CMSG_SPACE`); none when there are none.
    static func controlBytes(descriptors: UInt32) -> Int {
        descriptors == 0 ? 0 : 16 + (Int(descriptors) * 4 + 7) & ~7
    }
}
