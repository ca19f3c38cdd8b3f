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
      try scratch.names(in: "a/b/out") == [
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
      try scratch.names(in: "out") == ["kvplan.sqlite", "notes.txt", "report.html", "summary.csv"])
    #expect(try scratch.names() == ["out"])
  }

  /// Figures of an earlier command go with what it drew; files of others stay.
  @Test func figuresAreReplaced() throws {
    let scratch = try ScratchFolder()
    let endings = PDFConverter.found == nil ? ["svg"] : ["pdf", "svg"]
    for (text, names) in [
      ("cdf:metric=ttft", ["cdf-ttft"]), ("timeline:metric=running", ["timeline-running"]),
    ] {
      let folder = try OutputFolder(scratch.at("out"))
      let runs = RunFigures([Samples.run])
      let outcome = try FigureFiles.write(
        FigureRequest.read(text), of: runs, usual: [], to: folder)
      #expect(outcome.empty == [] && outcome.unconverted == [])
      try folder.commit()
      let expected = names.flatMap { name in endings.map { "\(name).\($0)" } }
      #expect(
        try scratch.names(in: "out/figures").filter { $0 != "mine.svg" } == expected)
      try scratch.write("<svg/>", to: "out/figures/mine.svg")
    }
    #expect(try scratch.names(in: "out/figures").contains("mine.svg"))
  }

  /// What is drawn of a run by itself, under names that stay.
  @Test func usualFiguresHaveStableNames() throws {
    #expect(
      RunFigures([Samples.run]).usual().map(\.name) == [
        "cdf-ttft", "cdf-tpot", "cdf-e2e", "timeline-memory", "timeline-running",
        "timeline-waiting", "timeline-preemptions", "ledger-mean", "ledger-time",
      ])
  }

  /// The same drawing is the same PDF, whenever it is made.
  @Test(.enabled(if: PDFConverter.found != nil)) func aPDFHasNoDate() throws {
    let scratch = try ScratchFolder()
    let figure = try #require(RunFigures([Samples.run]).usual().first)
    for name in ["a", "b"] { try scratch.write(figure.svg(), to: "\(name).svg") }
    #expect(PDFConverter.found?.convert(["a", "b"].map { scratch.at("\($0).svg") }) == [])
    let files = try ["a", "b"].map {
      try Data(contentsOf: URL(filePath: scratch.at("\($0).pdf")))
    }
    #expect(files[0] == files[1] && files[0].starts(with: "%PDF".utf8))
    try scratch.write("no drawing", to: "c.svg")
    #expect(PDFConverter.found?.convert([scratch.at("c.svg")]) == ["c.svg"])
  }

  /// Only what is asked for is there, also of what was there before.
  @Test(arguments: ResultPart.allCases.filter { $0 != .figures })
  func partsAreWrittenAlone(part: ResultPart) throws {
    let scratch = try ScratchFolder()
    for parts in [Set(ResultPart.allCases), [part]] {
      let folder = try OutputFolder(scratch.at("out"))
      try ResultFiles.write(runs: [Samples.run], to: folder, parts: parts)
      try folder.commit()
    }
    let expected = [
      ResultPart.summary: "summary.csv", .requests: "requests.csv", .sqlite: "kvplan.sqlite",
      .timeline: "timeline.csv", .report: "report.html",
    ]
    #expect(try scratch.names(in: "out") == [expected[part]])
  }

  /// Figures are a folder of their own, which goes with the last of them.
  @Test func figuresGoWithTheirFolder() throws {
    let scratch = try ScratchFolder()
    var folder = try OutputFolder(scratch.at("out"))
    _ = try FigureFiles.write(
      [], of: RunFigures([Samples.run]), usual: RunFigures([Samples.run]).usual(), to: folder)
    try folder.commit()
    #expect(try scratch.names(in: "out") == ["figures"])
    folder = try OutputFolder(scratch.at("out"))
    FigureFiles.removeAll(from: folder)
    try folder.commit()
    #expect(try scratch.names(in: "out") == [])
  }

  @Test func aFileInPlaceOfTheFolderIsSaid() throws {
    let scratch = try ScratchFolder()
    var folder = try OutputFolder(scratch.at("out"))
    try folder.commit()
    try scratch.write("mine", to: "out/figures")
    folder = try OutputFolder(scratch.at("out"))
    let runs = RunFigures([Samples.run])
    _ = try FigureFiles.write([], of: runs, usual: runs.usual(), to: folder)
    #expect(
      throws: UserError.cannotWrite(file: scratch.at("out/figures"), because: "it is a file")
    ) { try folder.commit() }
    #expect(try scratch.text("out/figures") == "mine")
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
    #expect(try scratch.names(in: "out") == ["kvplan.sqlite", "report.html", "summary.csv"])
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
    #expect(try scratch.names(in: "out") == ["summary.csv"])
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
