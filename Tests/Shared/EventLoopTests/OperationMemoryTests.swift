import CLinux
import EventLoop
import Operations
import Testing

@Suite struct OperationMemoryTests {
    /// Kinds are numbered from 1, without gaps, and survive their way through a token and an operation.
    @Test func kindsAreNumbered() {
        #expect(OperationKind(rawValue: 0) == nil)
        #expect(OperationKind(rawValue: 1) == .accept)
        let last = OperationKind.woken.rawValue
        #expect(OperationKind(rawValue: last + 1) == nil)
        for raw in 1...last {
            let kind = OperationKind(rawValue: raw)
            #expect(kind?.rawValue == raw)
            guard let kind else { continue }
            let token = Token(kind, slot: 7, generation: 9)
            #expect(token.kind == kind)
            #expect(Operation(kind, token: token, descriptor: 3, length: 5).kind == kind)
        }
        #expect(Set([DialFamily.ipv4, .ipv6, .unix].map(\.rawValue)) == [1, 2, 3])
        #expect([1, 2, 3, 4].map { DialFamily(rawValue: $0) } == [.ipv4, .ipv6, .unix, nil])
    }

    /// The rooms for kernel structs are where the shell believes them to be.
    @Test func roomsAreWhereTheyAre() {
        #expect(MemoryLayout<SendVector>.offset(of: \.header) == 0)
        #expect(MemoryLayout<SendVector>.offset(of: \.ranges) == Int(MemoryRooms.vectorRanges))
        #expect(MemoryLayout<SendRange>.stride == MemoryLayout<iovec>.stride)
        #expect(MemoryLayout<DescriptorMessage>.offset(of: \.header) == 0)
        #expect(MemoryLayout<DescriptorMessage>.offset(of: \.range) == Int(MemoryRooms.messageRange))
        #expect(MemoryLayout<DescriptorMessage>.offset(of: \.control) == Int(MemoryRooms.messageControl))
        #expect(MemoryLayout<DescriptorMessage>.offset(of: \.descriptors) == Int(MemoryRooms.messageDescriptors))
        #expect(MemoryLayout<DialAddress>.offset(of: \.path) == Int(MemoryRooms.dialPath))
        #expect(MemoryLayout<DialAddress>.offset(of: \.storage) == Int(MemoryRooms.dialStorage))
        #expect(MemoryLayout<SendDatagram>.offset(of: \.vector) == 0)
        #expect(MemoryLayout<SendDatagram>.offset(of: \.storage) == Int(MemoryRooms.datagramStorage))
        #expect(MemoryLayout<sockaddr_in6>.size <= MemoryLayout<InlineArray<4, UInt64>>.size)
        #expect(MemoryLayout<PeerAddress>.size <= DatagramBuffer.headBytes)
        #expect(DatagramBuffer.headBytes == 16 + Int(MemoryRooms.datagramNameBytes))
        #expect(DatagramBuffer.headBytes + DatagramBuffer.dataBytes <= DatagramBuffer.strideBytes)
        #expect([SocketType.stream, .datagram].map(\.rawValue) == [0, 1])
        #expect(MemoryLayout<msghdr>.size <= 64)
        #expect(MemoryLayout<sockaddr_un>.size <= 128)
    }

    @Test func controlBytesAreTheKernels() {
        for count in UInt32(1)...32 {
            #expect(MemoryRooms.controlBytes(descriptors: count) == culvert_control_space(count))
        }
        #expect(MemoryRooms.controlBytes(descriptors: 0) == 0)
        #expect(MemoryRooms.controlBytesMax == culvert_control_space(32))
    }
}
