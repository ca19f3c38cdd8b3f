import Foundation
import Messages
import Workload

extension ServeGenPool {
  /// Reads the folder at `path`.
  ///
  /// - Throws: ``UserError`` where it holds no client, a client lacks a file, and for what is wrong in
  ///   a file, with its place.
  package init(folder path: String) throws(UserError) {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      throw UserError("cannot read the folder `\(path)`")
    }
    func number(_ name: String, _ end: String) -> Int? {
      guard name.hasPrefix("chunk-"), name.hasSuffix(end) else { return nil }
      return Int(name.dropFirst(6).dropLast(end.count))
    }
    let numbers = names.compactMap { number($0, "-trace.csv") }.sorted()
    guard !numbers.isEmpty else {
      throw UserError(
        "`\(path)` holds no `chunk-N-trace.csv`",
        hint: "give the folder of one model, such as `data/language/m-small`")
    }
    var clients: [Client] = []
    for number in numbers {
      func bytes(_ name: String) throws(UserError) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: "\(path)/\(name)") else {
          throw UserError("cannot read `\(path)/\(name)`")
        }
        return Array(data)
      }
      let (trace, dataset) = ("chunk-\(number)-trace.csv", "chunk-\(number)-dataset.json")
      clients.append(
        Client(
          number: number,
          windows: try ServeGenFiles.windows(bytes(trace), file: "\(path)/\(trace)"),
          lengths: try ServeGenFiles.lengths(bytes(dataset), file: "\(path)/\(dataset)")))
    }
    self.init(name: path, clients: clients)
  }
}
