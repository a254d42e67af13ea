internal import NIOCore
internal import StoreVocabulary

/// One connection to a Redis server or sentinel, as the last element of a channel's pipeline: batches in, replies and
/// messages out, a deadline on everything. Lives on its channel's event loop.
///
/// A batch whose deadline passes fails alone: its replies are still awaited, and thrown away. What ends the connection is
/// silence, the other side, and bytes that are no replies.
final class RedisConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let limits: StoreLimits
    private let isSubscriber: Bool
    private let reader: ReplyReader
    private var ledger: BatchLedger<(StoreOutcome) -> Void>
    private var context: ChannelHandlerContext?
    private var timer: (due: NIODeadline, task: Scheduled<Void>)?
    private var lastHeard = NIODeadline.uptimeNanoseconds(0)
    private var owedSince = NIODeadline.uptimeNanoseconds(0)
    private var messages: [PushedMessage] = []
    private var isEnded = false

    /// Messages of a turn, in their order.
    var onMessages: ([PushedMessage]) -> Void = { _ in }
    /// Once; every batch was failed before.
    var onEnd: (StoreFailure) -> Void = { _ in }

    /// `isSubscriber`: lists that begin with `message` are messages, and replies to nothing.
    init(limits: StoreLimits, isSubscriber: Bool) {
        self.limits = limits
        self.isSubscriber = isSubscriber
        reader = ReplyReader(bytesMax: limits.replyBytesMax, elementsMax: limits.replyElementsMax)
        ledger = BatchLedger(limits: limits)
    }

    /// Sends commands together. `answer` is called once, possibly at once.
    func submit(_ commands: [StoreCommand], within time: TimeAmount, answer: @escaping (StoreOutcome) -> Void) {
        guard let context, !isEnded else { return answer(.failed(.notConnected)) }
        let now = context.eventLoop.now
        if !ledger.isOwed { owedSince = now }
        switch ledger.submit(commands, deadline: now + time, asker: answer) {
        case .send(let text): context.writeAndFlush(NIOAny(text), promise: nil)
        case .waits: break
        case .overloaded: return answer(.failed(.overloaded))
        }
        arm(context)
    }

    /// Ends the connection: whoever waits is told `failure`, and so is `onEnd`.
    func end(_ failure: StoreFailure) {
        guard !isEnded else { return }
        isEnded = true
        timer?.task.cancel()
        timer = nil
        let context = context
        self.context = nil
        for answer in ledger.end() { answer(.failed(failure)) }
        messages = []
        onEnd(failure)
        onEnd = { _ in }
        onMessages = { _ in }
        context?.close(promise: nil)
    }

    // MARK: The channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        lastHeard = context.eventLoop.now
    }

    func handlerRemoved(context: ChannelHandlerContext) { end(.lost) }

    func channelInactive(context: ChannelHandlerContext) { end(.lost) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { end(StoreFailure(connectionError: error)) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isEnded else { return }
        lastHeard = context.eventLoop.now
        unwrapInboundIn(data).withUnsafeReadableBytes { reader.feed($0) }
        while !isEnded {
            switch reader.next() {
            // With nothing owed any more it is due to be asked earlier than it would have been given up.
            case .needMore: return arm(context)
            case .broken(let fault): return end(.refused(fault.text))
            case .reply(let reply, let bytes): take(reply, bytes: bytes)
            }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard !messages.isEmpty else { return }
        let turn = messages
        messages = []
        onMessages(turn)
    }

    private func take(_ reply: StoreReply, bytes: Int) {
        if isSubscriber, let message = PushedMessage(reply) { return messages.append(message) }
        switch ledger.receive(reply, bytes: bytes) {
        case .more: break
        case .broken(.unasked):
            // A server that is full says so before anybody asked.
            if case .fault(let text) = reply { return end(.refused(SignIn.shown(text))) }
            end(.refused(ReplyFault.unasked.text))
        case .broken(let fault): end(.refused(fault.text))
        case .answered(let answer, let replies):
            if let context, let text = ledger.release() { context.writeAndFlush(NIOAny(text), promise: nil) }
            answer?(.replies(replies))
        }
    }

    // MARK: Time

    /// When the connection has to be looked at, whatever its batches want: to ask whether it lives, or to give it up.
    private var healthDue: NIODeadline {
        guard ledger.isOwed else { return lastHeard + .milliseconds(limits.pingMilliseconds) }
        return max(lastHeard, owedSince) + .milliseconds(limits.silenceMilliseconds)
    }

    private func arm(_ context: ChannelHandlerContext) {
        let due = min(ledger.nextDeadline, healthDue)
        if let timer {
            guard due < timer.due else { return }
            timer.task.cancel()
        }
        let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: due) { self.look() }
        timer = (due, task)
    }

    private func look() {
        guard let context, !isEnded else { return }
        timer = nil
        let now = context.eventLoop.now
        for answer in ledger.expire(now: now) { answer(.failed(.deadline)) }
        guard !isEnded else { return }
        if healthDue <= now {
            guard !ledger.isOwed else { return end(.deadline) }
            submit([StoreCommand("PING")], within: .milliseconds(limits.silenceMilliseconds)) { _ in }
        }
        if !isEnded { arm(context) }
    }
}
