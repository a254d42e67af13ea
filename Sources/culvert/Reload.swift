import Logging
import ServiceLifecycle
import Settings
import UnixSignals

/// Reads the configuration again at SIGHUP and changes what runs by it: all of it, or, when something is wrong with it,
/// nothing.
struct Reload: Service {
    let origin: ConfigurationOrigin
    /// What runs now.
    let settings: NodeSettings
    let keptIDs: KeptTunnelIDs
    let client: TunnelClient?
    let logger: Logger

    func run() async throws {
        var present = settings
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        for await _ in hangups.cancelOnGracefulShutdown() {
            switch next(present) {
            case .success(let new):
                if let client = new.client { self.client?.change(to: client) }
                for notice in new.notices where !present.notices.contains(notice) {
                    logger.warning(
                        "\(notice.message)", metadata: ["key": "\(notice.key)", "at": "\(notice.place.text)"])
                }
                present = new
                logger.info("the configuration was read again")
            case .failure(let fault):
                logger.error(
                    "the new configuration is refused, the old one stays", metadata: ["why": "\(fault.text)"])
            }
        }
    }

    /// What would run by what stands there now; its tunnels' ids are complete.
    func next(_ present: NodeSettings) -> Result<NodeSettings, ConfigurationOrigin.Fault> {
        do throws(ConfigurationOrigin.Fault) {
            var new = try origin.read()
            if let unchangeable = Reload.unchangeable(present, new) {
                throw ConfigurationOrigin.Fault(
                    text: "\(unchangeable) changed, which needs a restart; tunnels change without one")
            }
            if var client = new.client {
                do throws(KeptTunnelIDs.Fault) {
                    try keptIDs.complete(&client)
                } catch {
                    throw ConfigurationOrigin.Fault(text: error.message)
                }
                new.client = client
            }
            return .success(new)
        } catch {
            return .failure(error)
        }
    }

    /// What cannot follow a changed configuration, and did change.
    static func unchangeable(_ old: NodeSettings, _ new: NodeSettings) -> String? {
        if old.server != new.server { return "the tunnel server" }
        if old.logLevel != new.logLevel { return "the log's level" }
        if old.client?.leaveGraceMilliseconds != new.client?.leaveGraceMilliseconds { return "a limit" }
        if (old.client == nil) != (new.client == nil) { return "whether there is a tunnel client" }
        if old.client?.fileServices != new.client?.fileServices { return "the file services" }
        if old.client?.visitorServices != new.client?.visitorServices { return "the visitor services" }
        if old.client?.takesDatagrams == false, new.client?.takesDatagrams == true {
            return "whether datagrams are carried"
        }
        return nil
    }
}
