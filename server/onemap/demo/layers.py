"""The tables of the demo province: names, coordinate systems and fields, after the ministry's table structures."""

from onemap.store.geopackage.writer import FieldSpec, TableSpec

DATE = "2025-12-31T00:00:00.000Z"
"""When the demo data were last changed; a fixed day, for the demo is the same whenever it is made."""

SURVEY_YEAR = 2024


def _fields(text: str) -> tuple[FieldSpec, ...]:
    """Read names and types of fields: C18 text of 18 characters, T text, F real, I integer, D date."""
    types = {"F": "REAL", "I": "INTEGER", "D": "DATE", "T": "TEXT"}
    return tuple(
        FieldSpec(name, types.get(kind) or f"TEXT({kind[1:]})")
        for name, kind in (item.split(":") for item in text.split())
    )


XZQ = TableSpec(
    "xzq",
    "MULTIPOLYGON",
    4490,
    _fields("BSM:C18 YSDM:C10 XZQDM:C12 XZQMC:C100 DCMJ:F JSMJ:F MSSM:C2 HDMC:C100 BZ:T JB:C10 SJXZQDM:C12 QMC:C200"),
    title="行政区",
    description="示范省的省、市、县、乡、村（虚构）",
)
DLTB = TableSpec(
    "dltb",
    "POLYGON",
    4526,
    _fields(
        "BSM:C18 YSDM:C10 TBYBH:C18 TBBH:C8 DLBM:C5 DLMC:C60 QSXZ:C2 QSDWDM:C19 QSDWMC:C255 ZLDWDM:C19 ZLDWMC:C255 "
        "TBMJ:F KCDLBM:C5 KCXS:F KCMJ:F TBDLMJ:F GDLX:C2 GDPDJB:C2 XZDWKD:F TBXHDM:C6 TBXHMC:C20 ZZSXDM:C6 ZZSXMC:C20 "
        "GDDB:I FRDBS:C1 CZCSXM:C4 SJNF:I MSSM:C2 HDMC:C100 BZ:T"
    ),
    title="地类图斑",
    description="示范省国土调查地类图斑（虚构）",
)
DLTB_PREVIOUS = TableSpec(
    "dltb_previous",
    "POLYGON",
    4526,
    DLTB.fields,
    title="上年度地类图斑",
    description="示范省第一个县上年度国土变更调查的地类图斑（虚构）",
)
YJJBNTTB = TableSpec(
    "yjjbnttb",
    "POLYGON",
    4526,
    _fields(
        "BSM:C18 YSDM:C10 YJJBNTTBBH:C18 TBBH:C8 DLBM:C5 DLMC:C60 QSXZ:C2 QSDWDM:C19 QSDWMC:C60 ZLDWDM:C19 ZLDWMC:C60 "
        "YJJBNTTBMJ:F KCDLBM:C5 KCXS:F KCMJ:F YJJBNTMJ:F GDLX:C2 GDPDJB:C2 GGBZL:C10 TBXHDM:C6 TBXHMC:C20 GDZZSXDM:C6 "
        "GDZZSXMC:C20 GDDB:I GDDJ:I ZLFLDM:C12 FRDBS:C1 SJNF:I CFZR:C20 ZMC:C50 ZZRR:C20 ZRRZJHM:C18 ZRRMC:C20 "
        "LXDH:C20 JZDZ:C50 BHKSSJ:D BHJSSJ:D SJBH:C20 SJMC:C50 ZRSYX:C100 BZ:C50"
    ),
    title="永久基本农田图斑",
    description="示范省永久基本农田（虚构；人员信息均为编造；有一个县未汇交，见 coverage）",
)
STBHHX = TableSpec(
    "stbhhx",
    "MULTIPOLYGON",
    4490,
    _fields(
        "BSM:C18 YSDM:C10 XJXZQHDM:C6 LXDM:C2 SLDM:C4 MC:C200 RKSL:I STGNYBHMB:T DLWZ:T QYMJ:F STXTYZBLX:C100 "
        "RWHDLX:C10 STHJWT:T GKCS:T SLSJ:D BZ:T"
    ),
    title="生态保护红线",
    description="示范省生态保护红线（虚构）",
)
CZKFBJ = TableSpec(
    "czkfbj",
    "MULTIPOLYGON",
    4490,
    _fields("BSM:C18 YSDM:C10 CZMC:C100 XJXZQHDM:C6 CZKFMJ:F SLSJ:D BZ:T GHFQDM:C3 GHFQMC:C50"),
    title="城镇开发边界",
    description="示范省城镇开发边界及规划分区（虚构）",
)
BUILDINGS = TableSpec(
    "buildings",
    "POLYGON",
    4490,
    _fields("BSM:C18 JZWMC:C50 JZWYT:C20 JZWGD:F JZWCS:I JDMJ:F DMGC:F ZLDWDM:C19 JCNF:I"),
    title="建筑物",
    description="示范省建筑物基底与高度（虚构）；JZWGD 为高度（米），DMGC 为地面高程（米）",
)
PROJECTS = TableSpec(
    "approved_projects",
    "POLYGON",
    4547,
    _fields(
        "BSM:C18 XMDM:C24 XMMC:C200 XMLX:C20 JSDW:C100 PZWH:C60 PZJG:C60 PZRQ:D YDMJ:F TDYT:C60 XZQDM:C6 XZQMC:C100"
    ),
    title="批准项目",
    description="示范省建设用地批准项目范围（虚构）；YDMJ 单位为公顷",
)
_LINE = "BSM:C18 XZQDM:C6 MC:C200 LXMC:C50 SLSJ:D BZ:T"


def _line(name: str, title: str, fields: str = _LINE) -> TableSpec:
    text = f"示范省{title}（虚构）"
    return TableSpec(name, "MULTIPOLYGON", 4490, _fields(fields), title=title, description=text)


ZRBHD = _line("zrbhd", "自然保护地")
YYSSYD = _line("yyssyd", "饮用水水源保护区")
TRL = _line("trl", "天然林")
SD = _line("sd", "湿地")
LSWHBHX = _line("lswhbhx", "历史文化保护线")
KYQ = _line("kyq", "矿业权", "BSM:C18 XZQDM:C6 MC:C200 LXMC:C50 XKZH:C30 KZ:C50 QLR:C100 SLSJ:D BZ:T")
KCD = _line("kcd", "矿产地", "BSM:C18 XZQDM:C6 MC:C200 LXMC:C50 KZ:C50 SLSJ:D BZ:T")
GHYT = _line("ghyt", "规划用地", "BSM:C18 XZQDM:C6 MC:C200 YDYHFLDM:C6 YDYHFLMC:C50 SLSJ:D BZ:T")
BCGDCBTB = _line("bcgdcbtb", "补充耕地储备图斑", "BSM:C18 XZQDM:C6 MC:C200 DLBM:C5 GDPDJB:C2 GDDB:I GDDJ:I SLSJ:D BZ:T")

COVERAGE = TableSpec(
    "coverage",
    "MULTIPOLYGON",
    4490,
    _fields("layer:C50 date:D BZ:T"),
    title="数据覆盖范围",
    description="图层的有效范围：范围外没有数据，不能判断为不涉及",
)
