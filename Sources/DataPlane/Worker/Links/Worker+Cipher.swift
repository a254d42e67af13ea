import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// The link stack below WebSocket and relay: where a cipher stands, plain bytes wait in a queue of their own until they are
// sealed into the socket's.

extension Worker {
    /// The queue that a link's upper layers write to.
    @_noLocks
    func linkQueue(_ linkSlot: UInt32) -> UnsafeMutablePointer<SliceQueue> {
        let link = links[linkSlot]
        if link.pointee.cipher.isActive {
            return (UnsafeMutableRawPointer(link) + offsets.linkPlain).assumingMemoryBound(to: SliceQueue.self)
        }
        let socket = sockets[link.pointee.socket]
        return (UnsafeMutableRawPointer(socket) + offsets.socketOut).assumingMemoryBound(to: SliceQueue.self)
    }

    /// Bytes that wait to be sent on a link, sealed or not.
    @_noLocks
    func bytesQueued(_ linkSlot: UInt32) -> Int {
        let link = links[linkSlot]
        return link.pointee.plain.byteCount + sockets[link.pointee.socket].pointee.out.byteCount
    }

    /// Bytes came from a link's socket. The caller holds the slice's buffer.
    @_noLocks
    mutating func linkReceived(_ linkSlot: UInt32, _ slice: Slice) {
        links[linkSlot].pointee.lastHeard = now
        counters.add(.bytesFromLinks, UInt64(slice.count))
        if links[linkSlot].pointee.phase == .proxied {
            readProxyHeader(ofLink: linkSlot, slice)
        } else {
            openBytes(linkSlot, slice)
        }
    }

    /// Bytes of the peer, behind the header of a proxy if there was one. The caller holds the slice's buffer.
    @_noLocks
    mutating func openBytes(_ linkSlot: UInt32, _ slice: Slice) {
        guard links[linkSlot].pointee.cipher.isActive else { return linkOpened(linkSlot, slice) }
        let generation = links.generation(of: linkSlot)
        let bytes = buffers.bytes(slice)
        var cursor = 0
        while links.isCurrent(linkSlot, generation) {
            switch links[linkSlot].pointee.cipher.open(bytes, &cursor) {
            case .needMore: return
            case .plain(let offset, let count):
                linkOpened(
                    linkSlot,
                    Slice(buffer: slice.buffer, offset: slice.offset + UInt32(offset), count: UInt32(count)))
            case .broken:
                return endLink(linkSlot, .cipherFault)
            }
        }
    }

    /// Moves what the upper layers wrote into the socket's queue, sealed.
    @_noLocks
    mutating func sealLink(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        guard link.pointee.cipher.isActive else { return }
        let socket = sockets[link.pointee.socket]
        while let front = buffers.first(link.pointee.plain) {
            guard let buffer = buffers.take() else { return endLinkLater(linkSlot, .buffersFull) }
            let room = UnsafeMutableRawBufferPointer(
                start: buffers.pointer(buffer: buffer, offset: 0), count: BufferStore.stride)
            let (taken, written) = link.pointee.cipher.seal(
                UnsafeRawBufferPointer(buffers.bytes(front)), into: room)
            buffers.dropFirst(&link.pointee.plain, taken)
            buffers.append(&socket.pointee.out, Slice(buffer: buffer, offset: 0, count: UInt32(written)))
        }
    }
}
