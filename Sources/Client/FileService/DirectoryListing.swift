internal import CLinux
internal import Glibc

/// The page of a directory: its names in order, with sizes.
struct DirectoryListing {
    /// Most names on a page; a directory with more says so.
    static let entriesMax = 5_000

    struct Entry: Equatable {
        var name: [UInt8]
        var isDirectory: Bool
        /// Nil for anything that is no plain file; links are not followed.
        var length: UInt64?
    }

    var entries: [Entry]
    var isWhole: Bool

    /// Reads the names; nil when the directory cannot be read.
    init?(of directory: OpenFile) {
        // A descriptor of its own: its position is shared by duplicates.
        let descriptor = culvert_open_step(directory.descriptor, ".")
        guard descriptor >= 0 else { return nil }
        guard let stream = fdopendir(descriptor) else {
            close(descriptor)
            return nil
        }
        defer { closedir(stream) }
        entries = []
        isWhole = true
        while let next = readdir(stream) {
            let name = withUnsafeBytes(of: next.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name == Array(".".utf8) || name == Array("..".utf8) { continue }
            guard entries.count < DirectoryListing.entriesMax else {
                isWhole = false
                break
            }
            entries.append(DirectoryListing.entry(name, in: descriptor))
        }
        entries.sort { left, right in
            left.isDirectory == right.isDirectory
                ? left.name.lexicographicallyPrecedes(right.name) : left.isDirectory
        }
    }

    private static func entry(_ name: [UInt8], in directory: Int32) -> Entry {
        var status = culvert_file_status()
        let found = (name + [0]).withUnsafeBytes {
            culvert_file_status_at(directory, $0.baseAddress!.assumingMemoryBound(to: CChar.self), &status)
        }
        guard found == 0 else { return Entry(name: name, isDirectory: false, length: nil) }
        return Entry(
            name: name, isDirectory: status.is_directory != 0, length: status.is_file != 0 ? status.length : nil)
    }

    /// The page; every name is escaped, as text and as a reference.
    func page(of path: FilePath) -> String {
        let title = "/" + path.steps.map { String(decoding: $0, as: UTF8.self) + "/" }.joined()
        var page = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(DirectoryListing.escaped(title))</title>
            <style>
            body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 48rem; padding: 0 1rem; }
            table { border-collapse: collapse; width: 100%; }
            td { border-bottom: 1px solid #8884; padding: .25rem 0; overflow-wrap: anywhere; }
            td + td { text-align: right; white-space: nowrap; padding-left: 1rem; color: #888; }
            </style>
            </head>
            <body>
            <h1>\(DirectoryListing.escaped(title))</h1>
            <table>

            """
        if !path.steps.isEmpty { page += "<tr><td><a href=\"../\">../</a></td><td></td></tr>\n" }
        for entry in entries {
            let slash = entry.isDirectory ? "/" : ""
            let name = DirectoryListing.escaped(String(decoding: entry.name, as: UTF8.self)) + slash
            // `./` keeps a name with a colon from being read as a scheme.
            let reference = "./" + FilePath.encoded(entry.name) + slash
            let length = entry.length.map(DirectoryListing.readable) ?? ""
            page += "<tr><td><a href=\"\(reference)\">\(name)</a></td><td>\(length)</td></tr>\n"
        }
        page += "</table>\n"
        if entries.isEmpty { page += "<p>This directory is empty.</p>\n" }
        if !isWhole { page += "<p>There are more files; only \(DirectoryListing.entriesMax) are shown.</p>\n" }
        return page + "</body>\n</html>\n"
    }

    static func escaped(_ text: String) -> String {
        var out = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            default: out.unicodeScalars.append(character)
            }
        }
        return out
    }

    /// `123 B`, `4.5 KiB`, `17 MiB`.
    static func readable(_ bytes: UInt64) -> String {
        guard bytes >= 1_024 else { return "\(bytes) B" }
        var tenths = Double(bytes) * 10
        for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
            if tenths < 10_240 {
                let rounded = UInt64(tenths.rounded())
                return rounded < 1_000 ? "\(rounded / 10).\(rounded % 10) \(unit)" : "\(rounded / 10) \(unit)"
            }
            tenths /= 1_024
        }
        return "\(UInt64(tenths / 10)) PiB"
    }
}
