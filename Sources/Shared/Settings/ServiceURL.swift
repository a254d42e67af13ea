internal import FoundationEssentials

/// The parts of a `-L` or `-F` argument: `scheme+scheme://user:pass@addr/rest?k=v&k=v` (protocol tunnel-client §9).
struct ServiceURL: Equatable {
    /// Lower case, split at `+`: one or two words.
    var schemes: [String]
    /// Nil without `user:pass@` and without `auth=`.
    var userName: String?
    var password: String?
    /// What stands between the credentials and the path, split at commas.
    var addresses: [String]
    /// What follows the first slash, decoded; empty where there is none.
    var rest: String
    /// In order; names as written, values decoded.
    var parameters: [(name: String, value: String)]

    /// Why an argument is no URL.
    enum Fault: Error, Equatable {
        case scheme
        case encoding
        case credentials
    }

    init(_ text: String) throws(Fault) {
        guard let mark = text.firstRange(of: "://") else { throw .scheme }
        schemes = text[..<mark.lowerBound].lowercased().split(separator: "+", omittingEmptySubsequences: false)
            .map(String.init)
        guard (1...2).contains(schemes.count), schemes.allSatisfy({ !$0.isEmpty }) else { throw .scheme }
        var authority = text[mark.upperBound...]
        var query = Substring()
        if let question = authority.firstIndex(of: "?") {
            query = authority[authority.index(after: question)...]
            authority = authority[..<question]
        }
        rest = ""
        if let slash = authority.firstIndex(of: "/") {
            rest = try ServiceURL.decoded(authority[authority.index(after: slash)...])
            authority = authority[..<slash]
        }
        if let at = authority.lastIndex(of: "@") {
            let credentials = authority[..<at]
            authority = authority[authority.index(after: at)...]
            let colon = credentials.firstIndex(of: ":") ?? credentials.endIndex
            userName = try ServiceURL.decoded(credentials[..<colon])
            password = try ServiceURL.decoded(credentials[colon...].dropFirst())
        }
        addresses = authority.split(separator: ",").map(String.init)
        parameters = []
        for pair in query.split(separator: "&") {
            let equals = pair.firstIndex(of: "=") ?? pair.endIndex
            let name = try ServiceURL.decoded(pair[..<equals])
            let value = try ServiceURL.decoded(pair[equals...].dropFirst(), plusIsSpace: true)
            if name.lowercased() == "auth" {
                (userName, password) = try ServiceURL.credentials(base64: value)
            } else {
                parameters.append((name, value))
            }
        }
    }

    static func == (left: ServiceURL, right: ServiceURL) -> Bool {
        left.schemes == right.schemes && left.userName == right.userName && left.password == right.password
            && left.addresses == right.addresses && left.rest == right.rest
            && left.parameters.elementsEqual(right.parameters, by: ==)
    }

    /// `auth=`: the base64 of `user:pass`.
    private static func credentials(base64 text: String) throws(Fault) -> (String, String) {
        let padded = text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: padded), let decoded = String(validating: data, as: UTF8.self) else {
            throw .credentials
        }
        let colon = decoded.firstIndex(of: ":") ?? decoded.endIndex
        return (String(decoded[..<colon]), String(decoded[colon...].dropFirst()))
    }

    private static func decoded(_ text: Substring, plusIsSpace: Bool = false) throws(Fault) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
                    throw .encoding
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self), !text.contains("\0") else { throw .encoding }
        return text
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - 48
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - 87
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - 55
        default: nil
        }
    }

    /// What messages call the argument: without credentials and parameters, which hold secrets.
    static func place(of text: String, option: String) -> SettingPlace {
        var shown = Substring(text).prefix { $0 != "?" }
        if let mark = shown.firstRange(of: "://"), let at = shown[mark.upperBound...].lastIndex(of: "@") {
            shown = shown[..<mark.upperBound] + shown[shown.index(after: at)...]
        }
        return SettingPlace(source: "\(option) \(shown)")
    }
}
