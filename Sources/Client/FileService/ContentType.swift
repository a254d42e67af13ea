internal import Hummingbird

/// What a file's name says about its content.
enum ContentType {
    /// The type of a name by its extension; `application/octet-stream` where it says nothing.
    static func of(_ name: [UInt8]) -> String {
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > 0 else { return unknown }
        let suffix = String(decoding: name[(dot + 1)...], as: UTF8.self).lowercased()
        if let type = further[suffix] { return type }
        guard let type = MediaType.getMediaType(forExtension: suffix) else { return unknown }
        let text = type.description
        return text.hasPrefix("text/") && !text.contains("charset") ? text + "; charset=utf-8" : text
    }

    static let unknown = "application/octet-stream"

    /// Types that the library's table does not have, or has otherwise than browsers want them.
    private static let further = [
        "htm": "text/html; charset=utf-8", "mjs": "text/javascript; charset=utf-8",
        "js": "text/javascript; charset=utf-8", "wasm": "application/wasm", "webmanifest": "application/manifest+json",
        "md": "text/markdown; charset=utf-8", "log": "text/plain; charset=utf-8",
        "yaml": "text/plain; charset=utf-8", "yml": "text/plain; charset=utf-8",
        "toml": "text/plain; charset=utf-8", "swift": "text/plain; charset=utf-8", "avif": "image/avif",
        "map": "application/json", "opus": "audio/ogg", "m4a": "audio/mp4", "mkv": "video/x-matroska",
    ]
}
