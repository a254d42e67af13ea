/// Reads `authers:` and the logins of tunnel handlers, and finds authers by name. Everything fails closed: a name that
/// is not defined stops the start, where a stock server would let everybody in (quirks A3).
struct AutherReading {
    private(set) var authers: [Auther] = []
    private var indexByName: [String: Int] = [:]

    /// Every auther of the list, in its order, so that a written configuration reads back the same.
    mutating func read(_ list: [Setting], findings: inout Findings) {
        for setting in list {
            let section = SettingSection(
                setting.node, path: setting.key, keys: ServerKeys.auther, place: setting.place, findings: &findings)
            guard let name = section.text("name", findings: &findings) else {
                setting.problem("needs a `name:`, by which handlers refer to it", findings: &findings)
                continue
            }
            guard indexByName[name] == nil else {
                setting.problem("a second auther is named `\(name)`; rename one", findings: &findings)
                continue
            }
            var auther = Auther(name: name)
            for element in section.elements("auths") {
                AutherReading.append(element, to: &auther, findings: &findings)
            }
            let file = section.section("file", keys: ServerKeys.credentialFile, findings: &findings)
            auther.path = file.text("path", findings: &findings)
            if let milliseconds = section.setting("reload")?.reloadMilliseconds(findings: &findings) {
                auther.reloadMilliseconds = milliseconds
            }
            if auther.credentials.isEmpty, auther.path == nil {
                findings.notice(setting.place, setting.key, "`\(name)` is empty: it lets nobody in")
            }
            add(auther)
        }
    }

    /// The authers of a handler, any of which lets in; nil where none is asked for.
    mutating func indices(
        of handler: SettingSection, service: String, findings: inout Findings
    ) -> [Int]? {
        var indices: [Int] = []
        var isRestricted = false
        for setting in handler.elements("auther") + handler.elements("authers") {
            guard let name = setting.text(findings: &findings), !name.isEmpty else { continue }
            isRestricted = true
            guard let index = indexByName[name] else {
                setting.problem("no auther is named `\(name)`; define it under `authers:`", findings: &findings)
                continue
            }
            if !indices.contains(index) { indices.append(index) }
        }
        if let setting = handler.setting("auth") {
            isRestricted = true
            if let auther = inline(setting, handler, service: service, findings: &findings) {
                indices.append(add(auther))
            }
        }
        return isRestricted ? indices : nil
    }

    /// `auth: {username, password, file}`: an auther of its own.
    private func inline(
        _ setting: Setting, _ handler: SettingSection, service: String, findings: inout Findings
    ) -> Auther? {
        var name = "\(service) login"
        while indexByName[name] != nil { name += "'" }
        var auther = Auther(name: name)
        let section = handler.section("auth", keys: ServerKeys.inlineLogin, findings: &findings)
        auther.path = section.text("file", findings: &findings)
        if auther.path == nil || section.setting("username") != nil {
            AutherReading.append(setting, section, to: &auther, findings: &findings)
        }
        return auther
    }

    @discardableResult
    private mutating func add(_ auther: Auther) -> Int {
        authers.append(auther)
        indexByName[auther.name] = authers.count - 1
        return authers.count - 1
    }

    private static func append(_ setting: Setting, to auther: inout Auther, findings: inout Findings) {
        let section = SettingSection(
            setting.node, path: setting.key, keys: ServerKeys.login, place: setting.place, findings: &findings)
        append(setting, section, to: &auther, findings: &findings)
    }

    private static func append(
        _ setting: Setting, _ section: SettingSection, to auther: inout Auther, findings: inout Findings
    ) {
        let userName = section.setting("username")?.text(findings: &findings) ?? ""
        let password = section.setting("password")?.text(findings: &findings) ?? ""
        if let fault = Credential.fault(userName: userName, password: password) {
            return setting.problem(fault, findings: &findings)
        }
        guard !auther.credentials.contains(where: { $0.userName == userName }) else {
            return setting.problem("the user name stands twice; remove one", findings: &findings)
        }
        auther.credentials.append(Credential(userName: userName, password: password))
    }
}
