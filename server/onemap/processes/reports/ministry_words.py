"""Titles of the fields of the ministry's land-use control tables (自然资源“一张图”数据库体系结构，用途管制)."""

from __future__ import annotations

from collections.abc import Mapping

TABLES: Mapping[str, str] = {
    "XS_XMKJFW": "用地预审与规划选址项目空间范围",
    "YSXZ_XKFQXZDXQ": "用地预审与规划选址许可分区县占地详情",
    "ZZ_XMZDFW": "农转用和土地征收项目占地范围",
}
FIELDS: Mapping[str, str] = {
    "SZXZQDM": "所在行政区代码",
    "SZXZQMC": "所在行政区名称",
    "YDMJ": "用地面积",
    "ZYNYDMJ": "占用农用地面积",
    "ZYGDMJ": "占用耕地面积",
    "ZYSTMJ": "占用水田面积",
    "BHYNMJ": "补划永久基本农田面积",
    "ZYYNMJ": "占用永久基本农田面积",
    "SJSTHXMJ": "涉及生态保护红线面积",
    "ZYJSYDMJ": "占用建设用地面积",
    "ZYWLDMJ": "占用未利用地面积",
    "WTHMJ": "围填海面积",
    "DKMJ": "地块面积",
    "YDZMJ": "用地总面积",
    "ZYGYTDMJ": "占用国有土地面积",
    "ZYGYNYDMJ": "占用国有农用地面积",
    "ZYGYGDMJ": "占用国有耕地面积",
    "ZYGYSTMJ": "占用国有水田面积",
    "ZYGYYJJBNTMJ": "占用国有永久基本农田面积",
    "ZYGYJSYDMJ": "占用国有建设用地面积",
    "ZYGYWLYDMJ": "占用国有未利用地面积",
    "ZYJTTDMJ": "占用集体土地面积",
    "ZYJTNYDMJ": "占用集体农用地面积",
    "ZYJTGDMJ": "占用集体耕地面积",
    "ZYJTSTMJ": "占用集体水田面积",
    "ZYJTYJJBNTMJ": "占用集体永久基本农田面积",
    "ZYJTJSYDMJ": "占用集体建设用地面积",
    "ZYJTWLYDMJ": "占用集体未利用地面积",
    "ZYGYLDMJ": "占用国有林地面积",
    "ZYGYCDMJ": "占用国有草地面积",
    "ZYJTLDMJ": "占用集体林地面积",
    "ZYJTCDMJ": "占用集体草地面积",
    "ZYYJJBNTMJ": "占用永久基本农田面积",
    "BHYJJBNTMJ": "补划永久基本农田面积",
    "SJSTBHHXMJ": "涉及生态保护红线面积",
}
"""By the codes of the fields, areas in hectares."""
