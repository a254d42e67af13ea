package import Logging
package import NIOCore
package import Settings
package import StoreVocabulary

/// One Redis database as the control plane sees it: batches in, events out. It keeps the connections, follows the
/// sentinels and decides nothing about what is written. Safe to use from any thread.
package final class RedisStore: Sendable {
    private let eventLoop: any EventLoop
    private let course: NIOLoopBoundBox<StoreCourse>

    /// A store that does nothing before `start`. Throws when a file that TLS needs cannot be used. `random`: any numbers,
    /// for the pauses between dials.
    package init(
        _ id: StoreID, _ settings: StoreSettings, limits: StoreLimits = StoreLimits(), group: any EventLoopGroup,
        logger: Logger, random: @escaping @Sendable () -> UInt64
    ) throws(StoreFileFault) {
        if let tls = settings.tls { _ = try StoreSecurity(tls) }
        let dial = RedisDial(tls: settings.tls, limits: limits)
        let eventLoop = group.next()
        let way = RedisWay(
            settings: settings, limits: limits, eventLoop: eventLoop,
            dial: { dial.dial($0, on: $1, $2) })
        self.eventLoop = eventLoop
        course = .makeBoxSendingValue(StoreCourse(id, way, logger: logger, random: random), eventLoop: eventLoop)
    }

    /// Connects, and goes on doing so. `report` is called on the store's own thread and must not wait.
    package func start(report: @escaping @Sendable (StoreEvent) -> Void) {
        eventLoop.execute { [course] in course.value.start(report: report) }
    }

    /// Sends a batch; its answer is reported. Batches are sent in the order of their submission.
    package func submit(_ batch: StoreBatch) {
        eventLoop.execute { [course] in course.value.submit(batch) }
    }

    /// Closes the connections; nothing is reported afterwards.
    package func stop() {
        eventLoop.execute { [course] in course.value.stop() }
    }
}
