printf 'Content-Type: text/plain\r\n\r\n'
visits=$(redis-cli -h cache incr visits)
goods=$(psql -h db -U postgres -Atc "select string_agg(name, ' ' order by name) from goods" 2>&1)
echo "visits $visits"
echo "goods $goods"
