/// Answers requests for the files of one directory: GET and HEAD, ranges, conditions, listings (protocol tunnel-client
/// §8). It opens and asks, but streams nothing; calls may block on the disk.
struct FileResponder: Sendable {
    let tree: FileTree
    /// Separates the parts of a multi-range answer; unguessable, so that no file contains it on purpose.
    let boundary: String

    /// What matters of a request.
    struct Request {
        var method: String
        var target: String
        var range: String?
        var ifRange: String?
        var ifNoneMatch: String?
        var ifModifiedSince: String?

        init(method: String, target: String) {
            self.method = method
            self.target = target
        }
    }

    func answer(_ request: Request) -> FileAnswer {
        guard request.method == "GET" || request.method == "HEAD" else {
            return .text(405, "Only GET and HEAD are possible here.", fields: [("Allow", "GET, HEAD")])
        }
        let answer = answerGet(request)
        return request.method == "HEAD" ? answer.withoutBody() : answer
    }

    private func answerGet(_ request: Request) -> FileAnswer {
        let path: FilePath
        switch FilePath.judge(request.target) {
        case .success(let judged): path = judged
        case .failure(.malformed): return .text(400, "This is no path.")
        case .failure(.escape): return .text(404, "There is no such file.")
        }
        switch tree.open(path) {
        case .failure(.notFound): return .text(404, "There is no such file.")
        case .failure(.forbidden): return .text(403, "This file may not be read.")
        case .failure(.busy): return .text(503, "Too many files are open; try again.", fields: [("Retry-After", "1")])
        case .success(let file) where file.kind == .directory: return answer(directory: file, path: path, request)
        case .success(let file):
            // `name/` is no name of a file; it would break the page's relative links.
            if path.namesDirectory { return .text(404, "There is no such directory.") }
            return answer(file: file, path: path, request)
        }
    }

    private func answer(directory: OpenFile, path: FilePath, _ request: Request) -> FileAnswer {
        guard path.namesDirectory else {
            let name = FilePath.encoded(path.steps.last ?? [])
            let query = request.target.firstIndex(of: "?").map { request.target[$0...].prefix { $0 != "#" } } ?? ""
            return .text(301, "It is a directory.", fields: [("Location", "./\(name)/\(query)")])
        }
        let index = FilePath(steps: path.steps + [Array("index.html".utf8)], namesDirectory: false)
        if case .success(let file) = tree.open(index), file.kind == .file {
            return answer(file: file, path: index, request)
        }
        guard let listing = DirectoryListing(of: directory) else { return .text(403, "This may not be read.") }
        return FileAnswer(
            status: 200, fields: [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-cache")],
            parts: [.bytes(Array(listing.page(of: path).utf8))])
    }

    private func answer(file: OpenFile, path: FilePath, _ request: Request) -> FileAnswer {
        let tag = FileResponder.tag(of: file)
        let modified = HTTPDate(secondsSince1970: file.modifiedSeconds)
        var fields = [
            ("Last-Modified", modified.text), ("ETag", tag), ("Accept-Ranges", "bytes"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        if FileResponder.isUnchanged(request, tag: tag, modified: modified) {
            var answer = FileAnswer(status: 304, fields: fields)
            answer.length = file.length
            return answer
        }
        let type = ContentType.of(path.steps.last ?? [])
        let whole = 0..<file.length
        guard request.method == "GET", let range = request.range,
            FileResponder.rangeApplies(request, tag: tag, modified: modified)
        else {
            return FileAnswer(status: 200, fields: fields + [("Content-Type", type)], parts: [.file(file, whole)])
        }
        switch ByteRanges.judge(range, length: file.length) {
        case .ignored:
            return FileAnswer(status: 200, fields: fields + [("Content-Type", type)], parts: [.file(file, whole)])
        case .refused:
            return .text(416, "No such range.", fields: [("Content-Range", "bytes */\(file.length)")])
        case .satisfiable(let ranges) where ranges.count == 1:
            fields += [("Content-Type", type), ("Content-Range", FileResponder.contentRange(ranges[0], in: file))]
            return FileAnswer(status: 206, fields: fields, parts: [.file(file, ranges[0])])
        case .satisfiable(let ranges):
            fields.append(("Content-Type", "multipart/byteranges; boundary=\(boundary)"))
            return FileAnswer(status: 206, fields: fields, parts: multipart(ranges, of: file, type: type))
        }
    }

    /// RFC 9110 §14.6.
    private func multipart(_ ranges: [Range<UInt64>], of file: OpenFile, type: String) -> [FileAnswer.Part] {
        var parts: [FileAnswer.Part] = []
        for range in ranges {
            let head =
                "\r\n--\(boundary)\r\nContent-Type: \(type)\r\n"
                + "Content-Range: \(FileResponder.contentRange(range, in: file))\r\n\r\n"
            parts.append(.bytes(Array(head.utf8)))
            parts.append(.file(file, range))
        }
        parts.append(.bytes(Array("\r\n--\(boundary)--\r\n".utf8)))
        return parts
    }

    private static func contentRange(_ range: Range<UInt64>, in file: OpenFile) -> String {
        "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.length)"
    }

    // MARK: - Conditions (RFC 9110 §13)

    private static func tag(of file: OpenFile) -> String {
        let parts = [UInt64(bitPattern: file.modifiedSeconds), UInt64(file.modifiedNanoseconds), file.length]
        return "\"" + parts.map { String($0, radix: 16) }.joined(separator: "-") + "\""
    }

    private static func isUnchanged(_ request: Request, tag: String, modified: HTTPDate) -> Bool {
        if let tags = request.ifNoneMatch {
            return tags.split(separator: ",").contains { written in
                let trimmed = written.filter { $0 != " " && $0 != "\t" }
                return trimmed == "*" || trimmed == tag || trimmed == "W/" + tag
            }
        }
        guard let since = request.ifModifiedSince.flatMap(HTTPDate.init) else { return false }
        return modified <= since
    }

    /// `If-Range` holds a strong tag or the exact date of what the client has; otherwise it wants the whole.
    private static func rangeApplies(_ request: Request, tag: String, modified: HTTPDate) -> Bool {
        guard let condition = request.ifRange else { return true }
        if condition.hasPrefix("\"") || condition.hasPrefix("W/") { return condition == tag }
        return HTTPDate(condition) == modified
    }
}
