import Foundation
import Messages
import Testing

@testable import Metrics
@testable import Results

@Suite struct OutputFolderTests {
  private let hint = "choose another folder with `--output`"

  @Test func aNewFolderAppearsWithItsParentsOnCommit() throws {
    let scratch = try ScratchFolder()
    let folder = try OutputFolder(scratch.at("a/b/out/"))
    try ResultFiles.write(runs: [Samples.run], to: folder)
    #expect(folder.stagingPath == scratch.at("a/b/out.partial-\(getpid())"))
    #expect(try scratch.names(in: "a/b") == ["out.partial-\(getpid())"])
    try folder.commit()
    #expect(try scratch.names(in: "a/b") == ["out"])
    #expect(
      try scratch.files(in: "a/b/out") == [
        "kvplan.sqlite", "report.html", "requests.csv", "summary.csv", "timeline.csv",
      ])
    #expect(try scratch.text("a/b/out/summary.csv") == SummaryText.csv([Samples.summary]))
  }

  @Test func anExistingFolderKeepsOtherFilesAndLosesStaleOnes() throws {
    let scratch = try ScratchFolder()
    let first = try OutputFolder(scratch.at("out"))
    try ResultFiles.write(runs: [Samples.run], to: first)
    try first.commit()
    try scratch.write("mine", to: "out/notes.txt")

    let second = try OutputFolder(scratch.at("out"))
    try ResultFiles.write(runs: [Samples.otherRun], to: second)
    #expect(try scratch.text("out/summary.csv") == SummaryText.csv([Samples.summary]))
    try second.commit()
    #expect(try scratch.text("out/summary.csv") == SummaryText.csv([Samples.otherRun.summary]))
    #expect(
      try scratch.files(in: "out") == ["kvplan.sqlite", "notes.txt", "report.html", "summary.csv"])
    #expect(try scratch.names() == ["out"])
  }

  /// Each drawing of the page is a file, and those of a larger command before go.
  @Test func eachChartHasItsFile() throws {
    let scratch = try ScratchFolder()
    for runs in [[Samples.run, Samples.otherRun], [Samples.otherRun]] {
      let folder = try OutputFolder(scratch.at("out"))
      try ResultFiles.write(runs: runs, to: folder)
      try folder.commit()
      let charts = try scratch.names(in: "out").filter { $0.hasPrefix("chart-") }
      let figures = ReportPage(runs).figures
      #expect(charts == figures.indices.map { ResultFiles.chart($0) })
      for (chart, figure) in zip(charts, figures) {
        #expect(try scratch.text("out/\(chart)") == figure.svg(isStandalone: true))
      }
    }
  }

  /// Only what is asked for is there, also of what was there before.
  @Test(arguments: ResultPart.allCases) func partsAreWrittenAlone(part: ResultPart) throws {
    let scratch = try ScratchFolder()
    for parts in [Set(ResultPart.allCases), [part]] {
      let folder = try OutputFolder(scratch.at("out"))
      try ResultFiles.write(runs: [Samples.run], to: folder, parts: parts)
      try folder.commit()
    }
    let names = try scratch.names(in: "out").filter { !$0.hasPrefix("chart-") }
    let expected = [
      ResultPart.summary: "summary.csv", .requests: "requests.csv", .sqlite: "kvplan.sqlite",
      .timeline: "timeline.csv", .report: "report.html",
    ]
    #expect(names == [expected[part]])
    let charts = try scratch.names(in: "out").count { $0.hasPrefix("chart-") }
    #expect(charts == (part == .report ? ReportPage([Samples.run]).figures.count : 0))
  }

  @Test func discardLeavesNothing() throws {
    let scratch = try ScratchFolder()
    let folder = try OutputFolder(scratch.at("a/b/out"))
    try ResultFiles.write(runs: [Samples.run], to: folder)
    folder.discard()
    folder.discard()
    #expect(try scratch.names() == [])
  }

  @Test func aFailureMidwayLeavesTheFolderAsItWas() throws {
    let scratch = try ScratchFolder()
    let first = try OutputFolder(scratch.at("out"))
    try ResultFiles.write(runs: [Samples.otherRun], to: first)
    try first.commit()

    func fail() throws {
      let folder = try OutputFolder(scratch.at("out"))
      // The database cannot be made where a folder stands: two files are written, the third fails.
      try FileManager.default.createDirectory(
        atPath: folder.staged(ResultFiles.database), withIntermediateDirectories: false)
      try ResultFiles.write(runs: [Samples.run], to: folder)
    }
    let error = #expect(throws: UserError.self) { try fail() }
    #expect(error?.message.hasSuffix("kvplan.sqlite`: unable to open database file") == true)
    #expect(try scratch.names() == ["out"])
    #expect(try scratch.files(in: "out") == ["kvplan.sqlite", "report.html", "summary.csv"])
    #expect(try scratch.text("out/summary.csv") == SummaryText.csv([Samples.otherRun.summary]))
  }

  @Test func aNameTakenByAFolderStopsTheCommitBeforeAnyRename() throws {
    let scratch = try ScratchFolder()
    try FileManager.default.createDirectory(
      atPath: scratch.at("out/summary.csv"), withIntermediateDirectories: true)
    func fail() throws {
      let folder = try OutputFolder(scratch.at("out"))
      try ResultFiles.write(runs: [Samples.run], to: folder)
      try folder.commit()
    }
    #expect(
      throws: UserError(
        "cannot write `\(scratch.at("out"))/summary.csv`: it is a folder", hint: hint)
    ) { try fail() }
    #expect(try scratch.files(in: "out") == ["summary.csv"])
    #expect(try scratch.names() == ["out"])
  }

  @Test func aFileInTheWayIsNamed() throws {
    let scratch = try ScratchFolder()
    try scratch.write("", to: "file")
    let file = scratch.at("file")
    #expect(throws: UserError("cannot write to `\(file)`: it is a file", hint: hint)) {
      try OutputFolder(file)
    }
    let below = scratch.at("file/a/out")
    #expect(throws: UserError("cannot write to `\(below)`: `\(file)` is a file", hint: hint)) {
      try OutputFolder(below)
    }
    #expect(throws: UserError("cannot write to ``: the name is empty", hint: hint)) {
      try OutputFolder("")
    }
  }

  @Test func aFolderThatCannotBeMadeIsReported() {
    // Nobody, not even root, makes folders in /proc.
    let error = #expect(throws: UserError.self) { try OutputFolder("/proc/kvplan/out") }
    #expect(error?.message == "cannot write to `/proc/kvplan/out`: no such file or directory")
    #expect(
      UserError.cannotWrite(to: "out", code: EACCES)
        == UserError("cannot write to `out`: permission denied", hint: hint))
  }

  @Test func aLeftoverOfAnotherProcessIsLeftAlone() throws {
    let scratch = try ScratchFolder()
    let first = try OutputFolder(scratch.at("out"))
    let second = try OutputFolder(scratch.at("out"))
    #expect(second.stagingPath == first.stagingPath + "-2")
    second.discard()
    #expect(try scratch.names() == ["out.partial-\(getpid())"])
    first.discard()
  }

  /// A rename cannot leave a file system, so where DIR is the root of one it must hold the staging.
  @Test(.enabled(if: FileSystem.device("/dev/shm") != FileSystem.device("/dev")))
  func aMountPointIsStagedInside() throws {
    let folder = try OutputFolder("/dev/shm/")
    #expect(folder.stagingPath.hasPrefix("/dev/shm/.partial-\(getpid())"))
    folder.discard()
    #expect(!FileSystem.exists(folder.stagingPath))
  }

  @Test(arguments: [
    ("out", "."), ("a/out", "a"), ("/out", "/"), ("/a/b", "/a"), ("a//out", "a"), ("./out", "."),
  ])
  func parentsOfPaths(path: String, parent: String) {
    #expect(FileSystem.parent(of: path) == parent)
  }
}

extension ScratchFolder {
  /// The files in a folder but for the charts, whose number depends on the runs.
  fileprivate func files(in folder: String) throws -> [String] {
    try names(in: folder).filter { !$0.hasPrefix("chart-") }
  }
}
