"""The words of reports in both languages: titles of columns, statuses, sentences."""

from __future__ import annotations

from collections.abc import Mapping

from onemap.processes.reports.ministry_words import FIELDS, TABLES

_WORDS: Mapping[str, tuple[str, str]] = {
    # sheets and chapters
    "project": ("项目概况", "Project"),
    "conclusion": ("结论", "Conclusion"),
    "overall": ("总体结论", "Overall conclusion"),
    "parcels": ("地块", "Parcels"),
    "location": ("位置图", "Location"),
    "landuse": ("土地利用现状", "Land use"),
    "classes": ("地类面积", "Land classes"),
    "groups": ("三大类", "Three groups"),
    "regions": ("分行政区", "By county, town and village"),
    "regionClasses": ("分行政区地类", "Land classes by county, town and village"),
    "layers": ("控制线", "Control lines"),
    "hits": ("逐图斑", "Hits"),
    "hitsOf": ("涉及图斑", "Features touched"),
    "areas": ("面积", "Areas"),
    "findings": ("检查结果", "Findings"),
    "data": ("数据现势性", "Data currency"),
    "warnings": ("提示", "Warnings"),
    "facts": ("结果", "Result"),
    "basis": ("依据", "Legal basis"),
    "legend": ("图例", "Legend"),
    "evidence": ("存证", "Evidence"),
    "evidenceHint": (
        "按此地址可查阅签名、输入摘要与数据版本，并可复算核对。",
        "This address tells signature, digest of the input and versions of the data; a re-run can be compared there.",
    ),
    "areaDefinition": ("面积定义", "Definition of area"),
    "areaText": (
        "面积为 CGCS2000 椭球面积（国土调查办发〔2008〕32号梯形公式，逐边闭合解，边在图层存储坐标系中为直线），"
        "各部分之和等于整体。表中平方米保留两位、公顷保留四位小数，四舍五入并已调平；JSON 结果保留未取整的数值。",
        "Areas are on the ellipsoid of CGCS2000 (trapezoid formula of the 2008 survey notice, in closed form for each "
        "edge, edges straight in the CRS that the layer is stored in), so that parts sum to the whole. Tables give m2 "
        "with two and hectares with four decimals, rounded half up and closed; the JSON result keeps what was not "
        "rounded.",
    ),
    # facts
    "process": ("分析", "Analysis"),
    "rules": ("规则目录", "Rule catalogue"),
    "effective": ("施行日期", "In force from"),
    "purpose": ("用途", "Purpose"),
    "source": ("数据来源格式", "Source of the parcels"),
    "digest": ("地块摘要", "Digest of the parcels"),
    "crs": ("坐标系", "Coordinate reference system"),
    "count": ("地块数", "Number of parcels"),
    "parcelArea": ("计算面积（平方米）", "Computed area (m2)"),
    "parcelHectares": ("计算面积（公顷）", "Computed area (ha)"),
    "givenArea": ("给定面积", "Area as given"),
    "software": ("软件", "Software"),
    "page": ("第 {page} 页，共 {pages} 页", "Page {page} of {pages}"),
    # columns
    "index": ("序号", "No."),
    "id": ("标识", "Id"),
    "name": ("名称", "Name"),
    "title": ("名称", "Title"),
    "code": ("代码", "Code"),
    "class": ("类别", "Class"),
    "group": ("大类", "Group"),
    "ownership": ("权属", "Ownership"),
    "level": ("级别", "Level"),
    "area": ("面积（平方米）", "Area (m2)"),
    "areaRounded": ("面积（平方米）", "Area (m2)"),
    "hectares": ("面积（公顷）", "Area (ha)"),
    "mu": ("面积（亩）", "Area (mu)"),
    "share": ("占比", "Share"),
    "given": ("给定面积（原文）", "Area as given"),
    "difference": ("差值（公顷）", "Difference (ha)"),
    "layer": ("图层", "Layer"),
    "role": ("角色", "Role"),
    "collection": ("图层标识", "Collection"),
    "status": ("结论", "Status"),
    "coverage": ("覆盖率", "Coverage"),
    "distance": ("最近距离（米）", "Nearest (m)"),
    "significant": ("显著", "Significant"),
    "attributes": ("属性", "Attributes"),
    "version": ("版本", "Version"),
    "date": ("数据日期", "Date"),
    "message": ("说明", "Message"),
    "rule": ("规则", "Rule"),
    "severity": ("程度", "Severity"),
    "parcel": ("地块", "Parcel"),
    "text": ("内容", "Text"),
    "remainder": ("未覆盖部分", "Remainder"),
    "total": ("合计", "Total"),
    "expected": ("应为", "Expected"),
    "check": ("差值（应为 0）", "Difference (0 when closed)"),
    "closed": ("闭合", "closed"),
    "open": ("不闭合", "NOT CLOSED"),
    "yes": ("是", "yes"),
    "no": ("否", "no"),
    "hitCount": ("图斑数", "Hits"),
    "county": ("县级", "County"),
    "town": ("乡级", "Town"),
    "village": ("村级", "Village"),
    "agricultural": ("农用地", "Agricultural land"),
    "construction": ("建设用地", "Construction land"),
    "unused": ("未利用地", "Unused land"),
    "other": ("其他", "Other"),
    "state": ("国有", "State"),
    "collective": ("集体", "Collective"),
    "error": ("错误", "Error"),
    "warning": ("警告", "Warning"),
    "info": ("提示", "Information"),
    "ministry": ("部表字段（公顷）", "Fields of the ministry's tables (ha)"),
    "unclassified": ("未列入三大类的面积", "In none of the three groups"),
    # members of reviews
    "gross": ("毛面积（未扣除田坎）", "Gross areas"),
    "cultivated": ("耕地", "Cultivated land"),
    "paddy": ("水田", "Paddy"),
    "farmland": ("耕地", "Cultivated land"),
    "basicFarmland": ("永久基本农田", "Permanent basic farmland"),
    "land": ("地类", "Land"),
    "slopes": ("坡度级别", "Slope classes"),
    "quality": ("质量等别", "Quality"),
    "conversion": ("农用地转用", "Conversion"),
    "expropriation": ("土地征收", "Expropriation"),
    "compensation": ("占补平衡", "Compensation"),
    "approver": ("审批机关", "Approved by"),
    "needed": ("是否需要", "Needed"),
    "reasons": ("理由", "Reasons"),
    "subject": ("对象", "Subject"),
    "guidance": ("办理要求", "What is to be done"),
    "subzones": ("规划分区", "Sub-zones"),
    "conformity": ("规划符合性", "Conformity"),
    "unplanned": ("无规划部分", "Without a plan"),
    "minerals": ("压覆矿产", "Minerals"),
    "skipped": ("未作的分析", "Analyses left out"),
    "sheets": ("图幅", "Map sheets"),
    "sheet": ("图幅号", "Sheet"),
    "scale": ("比例尺", "Scale"),
    "conclusion.reasons": ("结论理由", "Reasons"),
    "conclusion.status": ("结论", "Conclusion"),
    "conclusion.title": ("结论说明", "Conclusion"),
    "unit": ("单位", "Unit"),
    "item": ("项目", "Item"),
    # statuses
    "not-relevant": ("不适用", "Not relevant"),
    "not-involved": ("不涉及", "Not involved"),
    "involved-allowed": ("涉及，允许", "Involved, allowed"),
    "involved-conditional": ("涉及，须满足条件", "Involved, on conditions"),
    "no-coverage": ("无数据覆盖", "No coverage"),
    "timeout": ("超时未完成", "Timed out"),
    "involved-prohibited": ("涉及，禁止", "Involved, prohibited"),
    "conforming": ("符合规划", "Conforming"),
    "conditional": ("有条件符合", "Conforming on conditions"),
    "non-conforming": ("不符合规划", "Not conforming"),
    # sentences
    "saysTouched": (
        "涉及 {hits} 个图斑，面积 {area} 平方米（{hectares} 公顷），占地块面积的 {share}。",
        "{hits} features are touched: {area} m2 ({hectares} ha), {share} of the parcels.",
    ),
    "saysFree": ("图层完全覆盖地块，未涉及。", "The layer covers the parcels completely; nothing is touched."),
    "saysNearest": ("最近图斑距离 {distance} 米。", "The nearest feature is {distance} m away."),
    "saysUnknown": (
        "图层只覆盖地块的 {coverage}，不能得出“不涉及”的结论。",
        "The layer covers {coverage} of the parcels only: it cannot be said that nothing is touched.",
    ),
    "saysFailed": ("图层未能读取，本结论不含该图层。", "The layer could not be read; the conclusion leaves it out."),
    "saysListed": ("仅列出最大的 {shown} 个图斑。", "Only the {shown} largest are listed."),
    "saysMore": ("表中列出前 {shown} 行，共 {all} 行；全部见 XLSX。", "{shown} of {all} rows; the XLSX has them all."),
    "saysClosed": ("表已调平：各项之和等于{title} {value}。", "The table is closed: its items sum to {title} {value}."),
    "saysOpen": (
        "注意：各项之和 {sum} 不等于{title} {value}。",
        "Note: the items sum to {sum}, which is not {title} {value}.",
    ),
    "mapOf": ("{title}（{crs}）", "{title} ({crs})"),
    "north": ("北", "N"),
    "parcelLine": ("地块范围", "Parcels"),
    "here": ("项目位置", "Here"),
}
TONES: Mapping[str, str] = {
    "not-relevant": "grey",
    "not-involved": "green",
    "involved-allowed": "green",
    "involved-conditional": "amber",
    "no-coverage": "grey",
    "timeout": "grey",
    "error": "grey",
    "involved-prohibited": "red",
    "conforming": "green",
    "conditional": "amber",
    "non-conforming": "red",
}
"""The tone in which a status is shown; not knowing is never green."""


class Words:
    """The words of one language.

    ``fields``: titles of the fields of layers, by collection and name; ``processes``: titles of processes by id.
    """

    def __init__(
        self,
        lang: str,
        fields: Mapping[str, Mapping[str, str]] | None = None,
        processes: Mapping[str, str] | None = None,
    ) -> None:
        self.lang = lang
        self._fields = fields or {}
        self._processes = processes or {}
        self._place = 1 if lang == "en" else 0

    def __call__(self, key: str, **values: object) -> str:
        """Return a word or sentence; a key that is not known stands for itself."""
        found = _WORDS.get(key)
        text = found[self._place] if found else self._of_ministry(key)
        return text.format(**values) if values else text

    def _of_ministry(self, key: str) -> str:
        title = FIELDS.get(key) or TABLES.get(key)
        return f"{title} {key}" if title and self.lang == "zh" else key

    def path(self, *keys: str) -> str:
        """Return the words for a member inside others."""
        whole = ".".join(keys)
        return self(whole) if whole in _WORDS else ("：" if self.lang == "zh" else ": ").join(map(self, keys))

    def process(self, identifier: str) -> str:
        """Return the title of a process, its id where none is known."""
        return self._processes.get(identifier, identifier)

    def status(self, code: object) -> str:
        """Return the words for a status."""
        return self(str(code)) if code in TONES else str(code)

    def field(self, collection: object, name: str) -> str:
        """Return the title of a field, its name where none is known."""
        return self._fields.get(str(collection), {}).get(name, name)
