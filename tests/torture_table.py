#!/usr/bin/python3
"""The table of ./dev torture: what each long test said in lines "FIGURE name value unit bar", and how it ended.

    tests/torture_table.py REPORT.xml

The report is the one that ctest --output-junit writes."""
import sys
import xml.etree.ElementTree

ROW = "%-34s %14s %-12s %-16s %-6s %8s"


def main():
    cases = list(xml.etree.ElementTree.parse(sys.argv[1]).getroot().iter("testcase"))
    failed = 0
    print(ROW % ("test and figure", "value", "unit", "bar", "result", "seconds"))
    for case in cases:
        result = {"run": "pass", "fail": "FAIL"}.get(case.get("status"), case.get("status"))
        failed += result != "pass"
        print(ROW % (case.get("name"), "", "", "", result, "%.0f" % float(case.get("time", 0))))
        for line in (case.findtext("system-out") or "").splitlines():
            words = line.split()
            if len(words) >= 5 and words[0] == "FIGURE":
                print((ROW % ("  " + words[1], words[2], words[3], " ".join(words[4:]), "", "")).rstrip())
    print("%d tests, %d failed" % (len(cases), failed))
    return 1 if failed or not cases else 0


sys.exit(main())
