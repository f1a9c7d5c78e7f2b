-- What sqlite3 works on: a table in memory, an index, joins and groups.
CREATE TABLE item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT, price REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
INSERT INTO item SELECT i, i * 7919 % 101, 'item ' || (i * 31 % 1000), (i * 17 % 1000) / 10.0 FROM n;
CREATE INDEX by_kind ON item (kind, price);
SELECT kind, count(*), round(avg(price), 3), max(name) FROM item GROUP BY kind ORDER BY 3 DESC LIMIT 5;
SELECT count(*) FROM item a JOIN item b ON a.kind = b.kind AND a.price = b.price WHERE a.id < 3000;
UPDATE item SET price = price + 1 WHERE kind % 2 = 0;
SELECT name, sum(price) FROM item WHERE name LIKE 'item 1%' GROUP BY name ORDER BY 2 DESC, 1 LIMIT 3;
