import Foundation
import Messages
import TraceFiles
import Workload

/// A step trace recorded from a real engine: JSON Lines, plain or gzip, a header first.
package struct GoldenFile {
  /// What messages call it: the path as the user gave it.
  package let name: String
  package let records: [GoldenRecord]

  /// Reads a whole file.
  ///
  /// - Throws: ``UserError`` with file and line for a file that cannot be read, a gzip stream that ends early,
  ///   a line that is no JSON object, or a first record that is no header.
  package init(path: String) throws {
    name = path
    records = try Self.lines(of: path).enumerated().compactMap { index, line in
      line.isEmpty ? nil : try GoldenRecord(file: path, line: index + 1, json: line)
    }
    guard let first = records.first else { throw UserError("\(path): the file is empty") }
    // A file of one object has no other records to be told from.
    let kind = try first.has("kind") ? first.string("kind") : nil
    guard
      try kind == "header" || records.count == 1 && !first.has("type")
        || first.string("type") == "header"
    else {
      throw UserError("\(path):\(first.line): the first record must be a `header`")
    }
  }

  package var header: GoldenRecord { records[0] }

  private static func lines(of path: String) throws -> [Data] {
    let file = try UnpackedFile(path: path, kind: "golden")
    let end = UInt8(ascii: "\n")
    if let mistake = file.mistake {
      throw UserError("\(path):\(1 + file.bytes.count { $0 == end }): \(mistake.rawValue)")
    }
    return file.bytes.split(separator: end, omittingEmptySubsequences: false).map { Data($0) }
  }
}

/// One line of a golden, with typed access to its fields.
package struct GoldenRecord {
  let file: String
  /// 1-based.
  let line: Int
  let fields: [String: Any]

  init(file: String, line: Int, json: Data) throws {
    self.file = file
    self.line = line
    guard let fields = try? JSONSerialization.jsonObject(with: json) as? [String: Any] else {
      throw UserError("\(file):\(line): not a JSON object (is the file cut off?)")
    }
    self.fields = fields
  }

  /// What stands in a record, with its place.
  init(_ record: GoldenRecord, _ fields: [String: Any]) {
    file = record.file
    line = record.line
    self.fields = fields
  }

  func has(_ key: String) -> Bool { fields[key] != nil && !(fields[key] is NSNull) }

  /// Refuses fields that nothing compares: a golden of a version that this reader does not know.
  ///
  /// - Parameter place: Where they stand; `nil` for a record with a type.
  func requireOnly(_ known: Set<String>, in place: String? = nil) throws {
    let unknown = fields.keys.filter { !known.contains($0) }.sorted()
    guard let field = unknown.first else { return }
    let place = try place.map { "`\($0)`" } ?? "a `\(try string("type"))` record"
    throw failure("unknown field `\(field)` in \(place)")
  }

  func failure(_ message: String) -> UserError { UserError("\(file):\(line): \(message)") }

  func value<T>(_ key: String, as type: T.Type, _ wanted: String) throws -> T {
    guard let value = fields[key] else { throw failure("no field `\(key)`") }
    guard let typed = value as? T else { throw failure("`\(key)` must be \(wanted)") }
    return typed
  }

  func integer(_ key: String) throws -> Int { try value(key, as: Int.self, "an integer") }
  /// Counts stay below this, so that sums of two fit 32 bits.
  private static let countLimit = 1 << 30

  /// An integer that is the size or the number of something.
  func count(_ key: String, atLeast least: Int) throws -> Int {
    try checked(try integer(key), key, atLeast: least)
  }

  func checked(_ value: Int, _ key: String, atLeast least: Int) throws -> Int {
    guard value >= least, value < Self.countLimit else {
      throw failure("`\(key)` must be \(least) or more and below 2³⁰, found \(value)")
    }
    return value
  }

  /// The number nearest to what the record says; Foundation's own conversion may miss it by a bit.
  func double(_ key: String) throws -> Double {
    let number = try value(key, as: NSNumber.self, "a number")
    return Double(number.stringValue) ?? number.doubleValue
  }

  func string(_ key: String) throws -> String { try value(key, as: String.self, "a string") }
  func boolean(_ key: String) throws -> Bool { try value(key, as: Bool.self, "true or false") }

  func integers(_ key: String) throws -> [Int] {
    guard has(key) else { return [] }
    return try value(key, as: [Int].self, "a list of integers")
  }

  func strings(_ key: String) throws -> [String] {
    guard has(key) else { return [] }
    return try value(key, as: [String].self, "a list of strings")
  }

  func integerLists(_ key: String) throws -> [[Int]] {
    guard has(key) else { return [] }
    return try value(key, as: [[Int]].self, "a list of lists of integers")
  }

  /// Lists that mix names and numbers, such as `["a", 3]`.
  func mixedLists(_ key: String) throws -> [[Any]] {
    guard has(key) else { return [] }
    return try value(key, as: [[Any]].self, "a list of lists")
  }
}

extension GoldenRecord {
  /// Tokens of a stream before its numbers run into those of the next stream.
  private static let streamLength = 100_000

  /// The runs of a prompt. Token i of stream s is the number 100,000 s + i, so a run that exceeds
  /// its stream goes on in the next one.
  ///
  /// - Parameter places: Of each request record, the number of its request, by which prompts quote outputs; empty where
  ///   records stand in the order of their requests.
  func promptPieces(places: [Int] = []) throws -> [TokenPiece] {
    let outputs = Int(PromptContents.outputStream(of: 0))
    var pieces: [TokenPiece] = []
    for run in try integerLists("prompt") {
      guard run.count == 3, run.allSatisfy({ $0 >= 0 && $0 <= Int(Int32.max) }) else {
        throw failure("`prompt` must consist of [stream, start, count]")
      }
      var token = run[0] * Self.streamLength + run[1]
      let end = token + run[2]
      while token < end {
        let count = min(end - token, Self.streamLength - token % Self.streamLength)
        let stream = token / Self.streamLength
        let quoted = stream - outputs
        pieces.append(
          TokenPiece(
            stream: Int64(places.indices.contains(quoted) ? outputs + places[quoted] : stream),
            start: Int32(token % Self.streamLength), count: Int32(count)))
        token += count
      }
    }
    return pieces
  }
}
