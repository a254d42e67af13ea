/// What goes wrong in the simulated kernel, and how often: chances in a thousand, drawn from the one generator.
package struct Faults: Sendable {
    /// A send takes only part of what it could.
    package var shortSend: UInt32 = 0
    /// A receive gives only part of what is there.
    package var shortReceive: UInt32 = 0
    /// A receive finds no buffer although there are some: the shot ends with -ENOBUFS.
    package var noBuffers: UInt32 = 0
    /// A shot ends with the bytes it gives, as when the kernel's completions overflow.
    package var endedShot: UInt32 = 0
    /// A completion is late by up to `completionDelayMicroseconds`; those of other operations overtake it.
    package var delayedCompletion: UInt32 = 0
    package var completionDelayMicroseconds: UInt32 = 0
    /// A cancelled operation's own completion comes late, after that of the cancel.
    package var lateAfterCancel: UInt32 = 0
    /// A listener sleeps for up to `acceptDelayMicroseconds`: connections then come in a burst.
    package var acceptBurst: UInt32 = 0
    package var acceptDelayMicroseconds: UInt32 = 0
    /// A segment is lost with its connection: both ends are reset.
    package var reset: UInt32 = 0
    /// A connection attempt is refused although somebody listens.
    package var refusal: UInt32 = 0
    /// A datagram is lost on its way; one is overtaken by those behind it.
    package var lostDatagram: UInt32 = 0
    package var lateDatagram: UInt32 = 0

    package init() {}

    package static let none = Faults()

    /// Everything now and then, but no connection broken: what every byte must survive.
    package static var lossless: Faults {
        var faults = Faults()
        faults.shortSend = 200
        faults.shortReceive = 200
        faults.noBuffers = 20
        faults.endedShot = 20
        faults.delayedCompletion = 300
        faults.completionDelayMicroseconds = 2_000
        faults.lateAfterCancel = 500
        faults.acceptBurst = 100
        faults.acceptDelayMicroseconds = 5_000
        return faults
    }

    /// Everything, broken and refused connections too.
    package static var all: Faults {
        var faults = lossless
        faults.reset = 2
        faults.refusal = 20
        faults.lostDatagram = 20
        faults.lateDatagram = 50
        return faults
    }
}
