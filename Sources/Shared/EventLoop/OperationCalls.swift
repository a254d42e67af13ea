internal import CLinux
internal import Operations
internal import Primitives

/// What operations mean to the kernel: the calls that both shells make at once, and the kernel's structs in the room
/// that operation memory keeps for them.
enum OperationCalls {
    /// Performs a kind that is done when it is submitted. True when it was one; `result` then is its completion's,
    /// nil when the kind has none.
    @_noLocks
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
            culvert_release_memory(operation.address, UInt64(operation.length))
        case .limitUnacknowledged:
            culvert_limit_unacknowledged(operation.descriptor, Int32(bitPattern: operation.length))
        default:
            return false
        }
        return true
    }

    @_noLocks
    private static func readPeer(of descriptor: Int32, to address: UInt) {
        let peer = peer(at: address)
        _ = culvert_peer(descriptor, &peer.pointee.high, &peer.pointee.low, &peer.pointee.port)
    }

    /// Where a peer's address is to be written; unknown until then.
    @_noLocks
    static func peer(at address: UInt) -> UnsafeMutablePointer<PeerAddress> {
        precondition(address != 0)
        let peer = UnsafeMutablePointer<PeerAddress>(bitPattern: address).unsafelyUnwrapped
        peer.pointee.high = 0
        peer.pointee.low = 0xFFFF_0000_0000
        peer.pointee.port = 0
        return peer
    }

    @_noLocks
    private static func mapFile(_ descriptor: Int32, to address: UInt) -> Int32 {
        var start: UInt = 0
        var count: UInt64 = 0
        let result = culvert_map_file(descriptor, &start, &count)
        precondition(address != 0)
        let mapped = UnsafeMutablePointer<MappedFile>(bitPattern: address).unsafelyUnwrapped
        mapped.pointee.address = start
        mapped.pointee.byteCount = count
        return result
    }

    /// The header of the gathered send at `address`, kept in its own room.
    @_noLocks
    static func header(ofVectorAt address: UInt) -> UnsafeMutablePointer<msghdr> {
        precondition(address != 0)
        let vector = UnsafeMutablePointer<SendVector>(bitPattern: address).unsafelyUnwrapped
        let count = vector.pointee.count
        precondition(count > 0)
        precondition(count <= UInt32(SendVector.capacity))
        let ranges = UnsafeMutableRawPointer(bitPattern: address + MemoryRooms.vectorRanges)
        let room = UnsafeMutableRawPointer(bitPattern: address)
        return culvert_header(room, ranges, Int(count), nil, 0).unsafelyUnwrapped
    }

    /// The header of the datagram at `address`, with its receiver's name where the socket is not connected.
    @_noLocks
    static func header(ofDatagramAt address: UInt) -> UnsafeMutablePointer<msghdr> {
        let header = header(ofVectorAt: address)
        let datagram = UnsafeMutablePointer<SendDatagram>(bitPattern: address).unsafelyUnwrapped
        guard datagram.pointee.family != 0 else { return header }
        let room = UnsafeMutableRawPointer(bitPattern: address + MemoryRooms.datagramStorage).unsafelyUnwrapped
        let peer = datagram.pointee.peer
        let count =
            DialFamily(rawValue: datagram.pointee.family) == .ipv4
            ? culvert_address4(room, UInt32(truncatingIfNeeded: peer.low), peer.port)
            : culvert_address6(room, peer.high, peer.low, peer.port)
        culvert_set_name(header, room, count)
        return header
    }

    /// The header of the descriptor message at `address`: packed with its descriptors to send, or with room to receive.
    @_noLocks
    static func header(ofMessageAt address: UInt, sending: Bool) -> UnsafeMutablePointer<msghdr> {
        precondition(address != 0)
        let message = UnsafeMutablePointer<DescriptorMessage>(bitPattern: address).unsafelyUnwrapped
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
    @_noLocks
    static func takeDescriptors(ofMessageAt address: UInt) {
        precondition(address != 0)
        let message = UnsafeMutablePointer<DescriptorMessage>(bitPattern: address).unsafelyUnwrapped
        let header = UnsafeMutableRawPointer(bitPattern: address)?.assumingMemoryBound(to: msghdr.self)
        message.pointee.descriptorCount = culvert_unpack_descriptors(
            header, descriptors(ofMessageAt: address), UInt32(DescriptorMessage.descriptorsMax))
    }

    @_noLocks
    private static func descriptors(ofMessageAt address: UInt) -> UnsafeMutablePointer<Int32> {
        UnsafeMutablePointer<Int32>(bitPattern: address + MemoryRooms.messageDescriptors).unsafelyUnwrapped
    }

    /// Writes the socket address of the dial address at `address` into its room. Returns where it is and its
    /// length.
    @_noLocks
    static func socketAddress(of address: UInt) -> (room: UnsafeRawPointer, count: UInt32, isUnix: Bool) {
        precondition(address != 0)
        let dial = UnsafeMutablePointer<DialAddress>(bitPattern: address).unsafelyUnwrapped
        let room = UnsafeMutableRawPointer(bitPattern: address + MemoryRooms.dialStorage).unsafelyUnwrapped
        let count: UInt32
        var isUnix = false
        switch DialFamily(rawValue: dial.pointee.family) {
        case .ipv4:
            count = culvert_address4(room, UInt32(truncatingIfNeeded: dial.pointee.low), dial.pointee.port)
        case .ipv6:
            count = culvert_address6(room, dial.pointee.high, dial.pointee.low, dial.pointee.port)
        case .unix:
            isUnix = true
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
    @_noLocks
    static func domain(_ family: UInt32) -> Int32 {
        switch DialFamily(rawValue: family) {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        case nil: preconditionFailure("a socket of no family")
        }
    }

    /// The kernel's number of a socket type, from an operation's `argument`.
    @_noLocks
    static func type(_ type: UInt64) -> Int32 {
        precondition(type <= 1)
        return culvert_socket_type(Int32(truncatingIfNeeded: type))
    }

    /// The kernel's number of a shutdown, from an operation's `length`.
    @_noLocks
    static func direction(_ length: UInt32) -> Int32 {
        precondition(length == 1 || length == 2)
        return length == 1 ? Int32(SHUT_WR) : Int32(SHUT_RDWR)
    }
}

/// Where the rooms for kernel structs lie in operation memory; `OperationMemoryTests` compares them with the structs.
package enum MemoryRooms {
    package static var vectorRanges: UInt { @_noLocks get { 72 } }
    package static var messageRange: UInt { @_noLocks get { 64 } }
    package static var messageControl: UInt { @_noLocks get { 80 } }
    package static var messageDescriptors: UInt { @_noLocks get { 272 } }
    package static var dialPath: UInt { @_noLocks get { 24 } }
    package static var dialStorage: UInt { @_noLocks get { 136 } }
    package static var datagramStorage: UInt { @_noLocks get { 1_120 } }

    /// What a kernel keeps for a sender's name in front of a datagram, behind its own header of 16 bytes.
    package static var datagramNameBytes: UInt32 { @_noLocks get { 32 } }

    /// All of the control room: 32 descriptors need 144 bytes.
    package static var controlBytesMax: Int { @_noLocks get { 144 } }

    /// Control bytes for `descriptors` descriptors (`CMSG_SPACE`); none when there are none.
    @_noLocks
    package static func controlBytes(descriptors: UInt32) -> Int {
        descriptors == 0 ? 0 : 16 + (Int(descriptors) * 4 + 7) & ~7
    }
}
