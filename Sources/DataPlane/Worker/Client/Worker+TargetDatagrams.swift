import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// The customer's local service behind a stream of datagrams: a UDP socket of its own for each stream, so that the service
// tells visitors apart, and a deadline, because datagrams have no end.

extension Worker {
    /// The service sent a datagram: it goes to the visitor, or is lost when too much waits already.
    mutating func targetDatagramReceived(_ streamSlot: UInt32, _ bytes: UnsafeRawBufferPointer) {
        let stream = streams[streamSlot]
        let waiting = stream.pointee.out.byteCount + DatagramHeader.byteCount + bytes.count
        guard waiting <= Int(limits[.datagramQueueBytesMax]),
            buffers.appendDatagram(&stream.pointee.out, bytes, reserve: Worker.buffersReserved)
        else { return note(.datagramOverflow) }
        stream.pointee.lastProgress = now
        markReadyIfAllowed(streamSlot)
    }

    /// Ends a stream of datagrams that was silent in both directions for too long, or looks again when it may be.
    @_noLocks
    mutating func expireWhenIdle(_ streamSlot: UInt32, _ socket: UInt32) {
        let end = streams[streamSlot].pointee.lastProgress.advanced(
            milliseconds: limits[.datagramIdleMilliseconds])
        guard end <= now else { return setDeadline(socket, end) }
        note(.datagramIdle)
        finishStream(streamSlot)
        closeSocket(socket)
    }
}
