internal import ControlCore
internal import Logging
internal import Settings

/// Files that the configuration names, which change while the node runs.
extension PlaneLoop {
    /// The first reading of the files of credentials: one that is not as it should be stops the start.
    func readCredentials() throws(ControlFault) {
        for (auther, path, reading) in credentials.look(now: ControlClock.now()) {
            switch reading {
            case .failed(let text): throw ControlFault(text)
            case .read(let file):
                if let problem = file.problems.first {
                    throw ControlFault("\(path):\(problem.line): \(problem.message)")
                }
                tell(.credentialsRead(auther, file.credentials))
            }
        }
    }

    /// A later reading: lines that are none are left out, so that the others hold, and a file that cannot be read
    /// leaves in force what was read before.
    func reviewCredentials() {
        for (auther, path, reading) in credentials.look(now: ControlClock.now()) {
            switch reading {
            case .failed(let text):
                logger.error(
                    "a file of credentials cannot be read; those before stay in force",
                    metadata: ["error": .string(text)])
            case .read(let file):
                for problem in file.problems.prefix(20) {
                    logger.error(
                        "a line of a file of credentials is left out",
                        metadata: ["at": "\(path):\(problem.line)", "error": .string(problem.message)])
                }
                tell(.credentialsRead(auther, file.credentials))
            }
        }
    }

    /// The first reading of the files of host rules: one that is not as it should be stops the start.
    func readRules() throws(ControlFault) {
        if let fault = rules.start(now: ControlClock.now()).first { throw ControlFault(fault) }
        guard let first = rules.rules else { preconditionFailure("rules without a fault were not read") }
        tell(.rulesRead(first.table))
    }

    /// Looks for files of rules that have changed, and lets go of rules that no data plane uses any more.
    func reviewRules() {
        let mailbox = mailbox
        complain(rules.look(now: ControlClock.now()) { mailbox.put($0) })
    }

    /// Files of rules were read: those that cannot be used leave in force what was read before.
    func take(_ outcome: RuleReading.Outcome) {
        complain(rules.take(outcome))
        if let table = outcome.rules?.table { tell(.rulesRead(table)) }
    }

    private func complain(_ faults: [String]) {
        for fault in faults {
            logger.error(
                "a file of host rules cannot be used; the rules before stay in force",
                metadata: ["error": .string(fault)])
        }
    }
}
