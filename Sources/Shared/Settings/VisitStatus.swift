/// What a tunnel client reports about one of its visitor services.
package struct VisitStatus: Equatable, Sendable {
    /// Index into `ClientConfiguration.visitorServices`.
    package var service: Int
    /// Why visits failed, and what to do.
    package var reason: String
    /// How many failed so since this was last said.
    package var count: Int

    package init(service: Int, reason: String, count: Int) {
        self.service = service
        self.reason = reason
        self.count = count
    }
}
